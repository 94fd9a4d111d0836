"""The Google Gen AI SDK for Python against a running mock: images, edits, chats, streams, typed errors, retries; the
Gemini API, Vertex AI by service account, by metadata server and in express mode.

Usage: google_genai_python.py http://127.0.0.1:9100 service-account.json
"""

import os
import sys
from urllib.parse import urlsplit

url, key_file = sys.argv[1:]
# Read when google.auth is imported.
os.environ["GCE_METADATA_HOST"] = os.environ["GCE_METADATA_IP"] = urlsplit(url).netloc
os.environ.pop("GOOGLE_APPLICATION_CREDENTIALS", None)

import google.auth  # noqa: E402
from google import genai  # noqa: E402
from google.genai import errors, types  # noqa: E402
from google.oauth2 import service_account  # noqa: E402

SCOPES = ["https://www.googleapis.com/auth/cloud-platform"]
FLASH = "gemini-2.5-flash-image"
PRO = "gemini-3-pro-image-preview"


def options(**more) -> types.HttpOptions:
    return types.HttpOptions(base_url=url, **more)


def images(response) -> list[types.Blob]:
    """The images of an answer or of one of its chunks."""
    content = response.candidates[0].content if response.candidates else None
    return [part.inline_data for part in (content and content.parts) or [] if part.inline_data]


def refused(kind, code: int, status: str, call) -> None:
    """The call must end with this error."""
    try:
        call()
    except kind as error:
        assert (error.code, error.status) == (code, status), error
        return
    raise AssertionError(f"no {kind.__name__} was raised")


def success_and_stream(client: genai.Client) -> None:
    answer = client.models.generate_content(model=FLASH, contents="a fox")
    assert [image.mime_type for image in images(answer)] == ["image/png"]
    assert answer.candidates[0].finish_reason == types.FinishReason.STOP
    assert answer.usage_metadata.candidates_tokens_details[0].token_count == 1290
    wide = types.GenerateContentConfig(image_config=types.ImageConfig(aspect_ratio="16:9", image_size="1K"))
    chunks = list(client.models.generate_content_stream(model=PRO, contents="a fox", config=wide))
    assert [image.mime_type for chunk in chunks for image in images(chunk)] == ["image/jpeg"]
    assert chunks[-1].candidates[0].finish_reason == types.FinishReason.STOP


def edit(client: genai.Client) -> None:
    config = types.GenerateContentConfig(
        response_modalities=["IMAGE"], image_config=types.ImageConfig(aspect_ratio="21:9")
    )
    first = images(client.models.generate_content(model=FLASH, contents="a fox", config=config))[0]
    part = types.Part.from_bytes(data=first.data, mime_type=first.mime_type)
    answer = client.models.generate_content(model=FLASH, contents=[part, "make it blue"])
    assert len(images(answer)) == 1
    modalities = {item.modality: item.token_count for item in answer.usage_metadata.prompt_tokens_details}
    assert modalities[types.MediaModality.IMAGE] == 258


def chat(client: genai.Client) -> None:
    """The second turn carries the image and the signature of the first."""
    chat = client.chats.create(model=PRO)
    for text in ["a fox", "make it blue"]:
        answer = chat.send_message(text)
        assert len(images(answer)) == 1
        assert all(part.thought_signature for part in answer.candidates[0].content.parts)
    streamed = client.chats.create(model=PRO)
    for text in ["a fox", "make it blue"]:
        assert sum(len(images(chunk)) for chunk in streamed.send_message_stream(text)) == 1
    unsigned = [
        types.Content(role="user", parts=[types.Part(text="a fox")]),
        types.Content(role="model", parts=[types.Part(inline_data=images(answer)[0])]),
        types.Content(role="user", parts=[types.Part(text="make it blue")]),
    ]
    call = lambda: client.models.generate_content(model=PRO, contents=unsigned)  # noqa: E731
    refused(errors.ClientError, 400, "INVALID_ARGUMENT", call)


def refusals(client: genai.Client) -> None:
    blocked = client.models.generate_content(model=FLASH, contents="a fox [[mock:moderation-blocked]]")
    assert blocked.prompt_feedback.block_reason == types.BlockedReason.PROHIBITED_CONTENT
    assert not blocked.candidates
    withheld = client.models.generate_content(model=FLASH, contents="a fox [[mock:output-blocked]]")
    assert withheld.candidates[0].finish_reason == types.FinishReason.IMAGE_SAFETY
    assert not images(withheld)
    for condition, kind, code, status in [
        ("rate-limit", errors.ClientError, 429, "RESOURCE_EXHAUSTED"),
        ("permission-denied", errors.ClientError, 403, "PERMISSION_DENIED"),
        ("server-error", errors.ServerError, 500, "INTERNAL"),
        ("overloaded", errors.ServerError, 503, "UNAVAILABLE"),
    ]:
        text = f"a fox [[mock:{condition}]]"
        refused(kind, code, status, lambda: client.models.generate_content(model=FLASH, contents=text))
        stream = lambda: list(client.models.generate_content_stream(model=FLASH, contents=text))  # noqa: E731
        refused(kind, code, status, stream)
    for fault in ["stream-error=overloaded", "stream-error=overloaded;framed=true"]:
        stream = lambda: list(client.models.generate_content_stream(model=FLASH, contents=f"a fox [[mock:{fault}]]"))  # noqa: E731
        refused(errors.ServerError, 503, "UNAVAILABLE", stream)
    call = lambda: client.models.generate_content(model="gemini-9", contents="a fox")  # noqa: E731
    refused(errors.ClientError, 404, "NOT_FOUND", call)


def retries(client: genai.Client) -> None:
    retry = types.HttpRetryOptions(attempts=3, initial_delay=0.01, max_delay=0.02)
    config = types.GenerateContentConfig(http_options=types.HttpOptions(retry_options=retry))
    answer = client.models.generate_content(
        model=FLASH, contents="a fox that comes late [[mock:overloaded*2]]", config=config
    )
    assert len(images(answer)) == 1


def imagen(client: genai.Client) -> None:
    config = types.GenerateImagesConfig(
        number_of_images=2, aspect_ratio="16:9", include_rai_reason=True, include_safety_attributes=True
    )
    answer = client.models.generate_images(model="imagen-4.0-generate-001", prompt="a fox", config=config)
    assert len(answer.generated_images) == 2
    assert answer.positive_prompt_safety_attributes.categories
    some = client.models.generate_images(
        model="imagen-4.0-generate-001", prompt="a fox [[mock:fewer-images]]", config=config
    )
    assert some.generated_images[-1].rai_filtered_reason


def everything(client: genai.Client) -> None:
    for check in [success_and_stream, edit, chat, refusals, retries]:
        check(client)


everything(genai.Client(api_key="anything", http_options=options()))
wrong = genai.Client(api_key="invalid", http_options=options())
refused(errors.ClientError, 400, "INVALID_ARGUMENT", lambda: wrong.models.generate_content(model=FLASH, contents="a fox"))
client = genai.Client(api_key="anything", http_options=options())
names = [model.name for model in client.models.list()]
assert f"models/{FLASH}" in names, names

credentials = service_account.Credentials.from_service_account_file(key_file, scopes=SCOPES)
vertex = genai.Client(
    vertexai=True, project="p1", location="global", credentials=credentials, http_options=options()
)
everything(vertex)
imagen(vertex)
everything(genai.Client(vertexai=True, api_key="anything", http_options=options()))

ambient, project = google.auth.default(scopes=SCOPES)
assert project == "mock-project", project
machine = genai.Client(vertexai=True, project=project, location="global", credentials=ambient, http_options=options())
success_and_stream(machine)
print("google-genai (Python): all good")
