"""The OpenAI SDK for Python against a running mock: images, streams, retries, typed errors.

Usage: openai_python.py http://127.0.0.1:9100
"""

import base64
import struct
import sys

from openai import (
    APIConnectionError,
    APIError,
    AuthenticationError,
    BadRequestError,
    InternalServerError,
    OpenAI,
    RateLimitError,
)

BASE_URL = sys.argv[1] + "/v1"
client = OpenAI(base_url=BASE_URL, api_key="sk-anything")
once = client.with_options(max_retries=0)


def png_size(data: str) -> tuple[int, int]:
    return struct.unpack(">II", base64.b64decode(data)[16:24])


def raises(kind: type[Exception], **wanted: object):
    """Runs a function that must raise this error with these members."""

    def check(function) -> None:
        try:
            function()
        except kind as error:
            for name, value in wanted.items():
                assert getattr(error, name) == value, (name, getattr(error, name), value)
            return
        raise AssertionError(f"{kind.__name__} was not raised")

    return check


answer = client.images.generate(model="gpt-image-2", prompt="a fox", size="1536x1024", n=2)
assert [png_size(image.b64_json) for image in answer.data] == [(1536, 1024)] * 2
assert answer.size == "1536x1024" and answer.usage.total_tokens > 0

events = list(client.images.generate(model="gpt-image-2", prompt="a fox", stream=True, partial_images=2))
assert [event.type for event in events] == ["image_generation.partial_image"] * 2 + ["image_generation.completed"]
assert [event.partial_image_index for event in events[:2]] == [0, 1]
assert events[-1].usage.output_tokens > 0

again = client.images.generate(model="gpt-image-2", prompt="a fox [[mock:rate-limit;retry-after=1*2]]")
assert len(again.data) == 1, "the SDK's own retries get through"

for directive, kind, status, code in [
    ("rate-limit", RateLimitError, 429, "rate_limit_exceeded"),
    ("quota", RateLimitError, 429, "insufficient_quota"),
    ("moderation-blocked", BadRequestError, 400, "moderation_blocked"),
    ("server-error", InternalServerError, 500, None),
    ("invalid-key", AuthenticationError, 401, "invalid_api_key"),
]:
    prompt = f"a fox [[mock:{directive}]]"
    raises(kind, status_code=status, code=code)(lambda: once.images.generate(model="gpt-image-2", prompt=prompt))

raises(BadRequestError, param="response_format", code="unknown_parameter")(
    lambda: once.images.generate(model="gpt-image-2", prompt="x", response_format="b64_json")
)
raises(BadRequestError, param="size", code="invalid_value")(
    lambda: once.images.generate(model="gpt-image-2", prompt="x", size="10x10")
)
raises(AuthenticationError, code="invalid_api_key")(
    lambda: OpenAI(base_url=BASE_URL, api_key="invalid", max_retries=0).images.generate(model="gpt-image-2", prompt="x")
)


def stream(directive: str) -> list[str]:
    prompt = f"x [[mock:{directive}]]"
    return [e.type for e in once.images.generate(model="gpt-image-2", prompt=prompt, stream=True, partial_images=2)]


raises(APIError)(lambda: stream("stream-error"))
raises(APIConnectionError)(lambda: stream("stream-reset"))
png = base64.b64decode(answer.data[0].b64_json)
edited = client.images.edit(model="gpt-image-2", image=("a.png", png, "image/png"), prompt="make it blue")
assert edited.usage.input_tokens_details.image_tokens == 1024
edited = client.images.edit(model="gpt-image-1", image=[("a.png", png, "image/png")] * 2, prompt="make it blue", n=2)
assert len(edited.data) == 2 and edited.usage.input_tokens_details.image_tokens == 2 * 2 * 194
events = list(client.images.edit(model="gpt-image-1", image=png, prompt="blue", stream=True, partial_images=1))
assert [event.type for event in events] == ["image_edit.partial_image", "image_edit.completed"]

assert client.models.retrieve("gpt-image-2").id in [model.id for model in client.models.list()]
print("openai (Python): all good")
