"""The OpenAI SDK for Python as a client of Azure, against a running mock: images, streams, chat, tokens, typed errors.

Usage: azure_openai_python.py http://127.0.0.1:9100
"""

import base64
import json
import struct
import sys
import urllib.error
import urllib.parse
import urllib.request

from openai import (
    AuthenticationError,
    AzureOpenAI,
    BadRequestError,
    InternalServerError,
    NotFoundError,
    OpenAI,
    RateLimitError,
)

URL = sys.argv[1]
VERSION = "2025-04-01-preview"
SCOPE = "https://cognitiveservices.azure.com/.default"
client = AzureOpenAI(azure_endpoint=URL, api_version=VERSION, api_key="anything")
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


def token(secret: str) -> str:
    """What a token provider does: asks Entra for a token."""
    form = {"grant_type": "client_credentials", "client_id": "app", "client_secret": secret, "scope": SCOPE}
    data = urllib.parse.urlencode(form).encode()
    with urllib.request.urlopen(f"{URL}/tenant/oauth2/v2.0/token", data) as answer:
        return json.load(answer)["access_token"]


# The deployment stands in the path; its model is the longest one in its name.
answer = client.images.generate(model="my-gpt-image-1", prompt="a fox", size="1024x1536", n=2)
assert [png_size(image.b64_json) for image in answer.data] == [(1024, 1536)] * 2
assert answer.usage.total_tokens > 0
events = list(client.images.generate(model="my-gpt-image-1", prompt="a fox", stream=True, partial_images=1))
assert [event.type for event in events] == ["image_generation.partial_image", "image_generation.completed"]
png = base64.b64decode(answer.data[0].b64_json)
edited = client.images.edit(model="my-gpt-image-1", image=("a.png", png, "image/png"), prompt="make it blue")
assert len(edited.data) == 1

messages = [{"role": "user", "content": "hello"}]
said = client.chat.completions.create(model="gpt-4o", messages=messages)
assert said.choices[0].message.content
assert said.choices[0].model_extra["content_filter_results"]["hate"]["severity"] == "safe"
assert said.model_extra["prompt_filter_results"][0]["prompt_index"] == 0
first, *chunks = client.chat.completions.create(model="gpt-4o", messages=messages, stream=True)
assert not first.choices and first.model_extra["prompt_filter_results"]
assert "".join(chunk.choices[0].delta.content or "" for chunk in chunks) == said.choices[0].message.content

tool = {"type": "image_generation", "quality": "low"}
response = client.responses.create(model="gpt-4o", input="a fox", tools=[tool])
assert png_size(next(item.result for item in response.output if item.type == "image_generation_call"))
assert "gpt-image-1" in [model.id for model in client.models.list()]

again = client.images.generate(model="my-gpt-image-1", prompt="a fox [[mock:rate-limit;retry-after=1*2]]")
assert len(again.data) == 1, "the SDK's own retries get through"
for directive, kind, status, code in [
    ("rate-limit", RateLimitError, 429, "429"),
    ("moderation-blocked", BadRequestError, 400, "moderation_blocked"),
    ("server-error", InternalServerError, 500, None),
    ("invalid-key", AuthenticationError, 401, "401"),
    ("scope-missing", AuthenticationError, 401, "PermissionDenied"),
    ("model-not-found", NotFoundError, 404, "DeploymentNotFound"),
]:
    prompt = f"a fox [[mock:{directive}]]"
    raises(kind, status_code=status, code=code)(lambda: once.images.generate(model="my-gpt-image-1", prompt=prompt))
raises(NotFoundError, code="DeploymentNotFound")(lambda: once.images.generate(model="nothing", prompt="a fox"))
raises(BadRequestError, code="OperationNotSupported")(
    lambda: once.chat.completions.create(model="gpt-image-1", messages=messages)
)
blocked = [{"role": "user", "content": "hello [[mock:moderation-blocked]]"}]
raises(BadRequestError, code="content_filter", param="prompt")(
    lambda: once.chat.completions.create(model="gpt-4o", messages=blocked)
)
old = AzureOpenAI(azure_endpoint=URL, api_version="2020-01-01", api_key="anything", max_retries=0)
raises(NotFoundError, code="404")(lambda: old.images.generate(model="my-gpt-image-1", prompt="a fox"))

provided = AzureOpenAI(azure_endpoint=URL, api_version=VERSION, azure_ad_token_provider=lambda: token("s3cret"))
assert provided.images.generate(model="my-gpt-image-1", prompt="a fox").data[0].b64_json
wrong = AzureOpenAI(azure_endpoint=URL, api_version=VERSION, azure_ad_token="invalid", max_retries=0)
raises(AuthenticationError, status_code=401)(lambda: wrong.images.generate(model="my-gpt-image-1", prompt="a fox"))
raises(urllib.error.HTTPError, code=401)(lambda: token("invalid"))

v1 = OpenAI(base_url=f"{URL}/openai/v1/", api_key=token("s3cret"))
assert v1.images.generate(model="my-gpt-image-1", prompt="a fox").data[0].b64_json
assert v1.chat.completions.create(model="gpt-4o", messages=messages).choices
print("openai (Python) on Azure: all good")
