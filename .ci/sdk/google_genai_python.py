"""The Google Gen AI SDK for Python against a running mock: images, streams, typed errors.

Usage: google_genai_python.py http://127.0.0.1:9100
"""

import sys

from google import genai
from google.genai import errors, types

client = genai.Client(api_key="anything", http_options=types.HttpOptions(base_url=sys.argv[1]))


def images(response) -> list[types.Blob]:
    """The images of an answer or of one of its chunks."""
    content = response.candidates[0].content if response.candidates else None
    return [part.inline_data for part in (content and content.parts) or [] if part.inline_data]


answer = client.models.generate_content(model="gemini-2.5-flash-image", contents="a fox")
assert [image.mime_type for image in images(answer)] == ["image/png"]

config = types.GenerateContentConfig(image_config=types.ImageConfig(aspect_ratio="16:9", image_size="1K"))
chunks = client.models.generate_content_stream(model="gemini-3-pro-image-preview", contents="a fox", config=config)
assert [image.mime_type for chunk in chunks for image in images(chunk)] == ["image/jpeg"]

blocked = client.models.generate_content(model="gemini-2.5-flash-image", contents="a fox [[mock:moderation-blocked]]")
assert blocked.prompt_feedback.block_reason and not blocked.candidates

try:
    client.models.generate_content(model="gemini-2.5-flash-image", contents="a fox [[mock:rate-limit]]")
    raise AssertionError("no error was raised")
except errors.ClientError as error:
    assert (error.code, error.status) == (429, "RESOURCE_EXHAUSTED")
print("google-genai (Python): all good")
