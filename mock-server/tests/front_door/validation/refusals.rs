//! The refusals of bad members, in the exact words of the provider.

use serde_json::{Value, json};

const REQUEST: &str = "invalid_request_error";
const USER: &str = "image_generation_user_error";

/// A request, the row of the catalogue, and what the row says.
pub(super) struct Refused {
    pub(super) body: Value,
    pub(super) row: &'static str,
    pub(super) kind: &'static str,
    pub(super) param: &'static str,
    pub(super) code: &'static str,
    pub(super) message: String,
}

fn refused(
    row: &'static str,
    body: Value,
    [kind, param, code]: [&'static str; 3],
    message: impl Into<String>,
) -> Refused {
    let message = message.into();
    Refused {
        body,
        row,
        kind,
        param,
        code,
        message,
    }
}

/// A good request with other members.
pub(super) fn with(changes: &Value) -> Value {
    let mut body = json!({ "model": "gpt-image-1", "prompt": "a fox" });
    for (name, value) in changes.as_object().unwrap() {
        body[name] = value.clone();
    }
    body
}

fn names_and_values() -> Vec<Refused> {
    let value = |param| [REQUEST, param, "invalid_value"];
    vec![
        refused(
            "unknown-parameter",
            with(&json!({ "response_format": "b64_json" })),
            [REQUEST, "response_format", "unknown_parameter"],
            "Unknown parameter: 'response_format'.",
        ),
        refused(
            "missing-parameter",
            json!({ "model": "gpt-image-1" }),
            [REQUEST, "prompt", "missing_required_parameter"],
            "Missing required parameter: 'prompt'.",
        ),
        refused(
            "empty-string",
            with(&json!({ "prompt": "" })),
            [REQUEST, "prompt", "empty_string"],
            "Invalid 'prompt': empty string. Expected a string with minimum length 1, but got an empty string instead.",
        ),
        refused(
            "invalid-type",
            with(&json!({ "n": "2" })),
            [REQUEST, "n", "invalid_type"],
            "Invalid type for 'n': expected an integer, but got a string instead.",
        ),
        refused(
            "invalid-value",
            with(&json!({ "quality": "rig-invalid" })),
            value("quality"),
            "Invalid value: 'rig-invalid'. Supported values are: 'low', 'medium', 'high', and 'auto'.",
        ),
        refused(
            "invalid-value",
            with(&json!({ "background": "rig-invalid" })),
            value("background"),
            "Invalid value: 'rig-invalid'. Supported values are: 'transparent', 'opaque', and 'auto'.",
        ),
        refused(
            "invalid-value",
            with(&json!({ "output_format": "rig-invalid" })),
            value("output_format"),
            "Invalid value: 'rig-invalid'. Supported values are: 'png', 'webp', and 'jpeg'.",
        ),
        refused(
            "invalid-value",
            with(&json!({ "moderation": "high" })),
            value("moderation"),
            "Invalid value: 'high'. Supported values are: 'low' and 'auto'.",
        ),
    ]
}

fn numbers_and_lengths() -> Vec<Refused> {
    let number = |row, name: &'static str, got: i64, limit: i64| {
        let (code, side, sign) = match row {
            "integer-too-large" => ("integer_above_max_value", "above maximum", "<="),
            _ => ("integer_below_min_value", "below minimum", ">="),
        };
        refused(
            row,
            with(&json!({ name: got })),
            [REQUEST, name, code],
            format!(
                "Invalid '{name}': integer {side} value. Expected a value {sign} {limit}, but got {got} instead."
            ),
        )
    };
    vec![
        number("integer-too-large", "n", 11, 10),
        number("integer-too-small", "n", 0, 1),
        number("integer-too-small", "n", -1, 1),
        number("integer-too-large", "partial_images", 4, 3),
        number("integer-too-large", "output_compression", 101, 100),
        number("integer-too-small", "output_compression", -1, 0),
        refused(
            "string-too-long",
            with(&json!({ "prompt": "é".repeat(32_001) })),
            [REQUEST, "prompt", "string_above_max_length"],
            "Invalid 'prompt': string too long. Expected a string with maximum length 32000, but got a string with length 32001 instead.",
        ),
    ]
}

fn sizes() -> Vec<Refused> {
    let size = |row, model: &str, size: &str, rule: &str| {
        refused(
            row,
            json!({ "model": model, "prompt": "a fox", "size": size }),
            [USER, "size", "invalid_value"],
            format!("Invalid size '{size}'. {rule}"),
        )
    };
    let named = "Supported sizes are 1024x1024, 1024x1536, 1536x1024, and auto.";
    let multiple = "Width and height must both be divisible by 16.";
    let edge = "The longest edge must be less than or equal to 3840.";
    let aspect = "The aspect ratio must be between 1:3 and 3:1.";
    let few = "Requested resolution is below the current minimum pixel budget.";
    let many = "Requested resolution is above the current maximum pixel budget.";
    vec![
        size("invalid-size", "gpt-image-1", "3x3", named),
        size("size-not-multiple", "gpt-image-2", "3x3", multiple),
        size("size-not-multiple", "gpt-image-2", "0x1024", multiple),
        size("size-edge-too-long", "gpt-image-2", "4096x4096", edge),
        size("size-aspect", "gpt-image-2", "3200x1024", aspect),
        size("size-too-few-pixels", "gpt-image-2", "512x512", few),
        size("size-too-many-pixels", "gpt-image-2", "3840x2176", many),
        size(
            "invalid-size",
            "gpt-image-2",
            "large",
            "Supported sizes are auto.",
        ),
    ]
}

fn with_model() -> Vec<Refused> {
    vec![
        refused(
            "model-not-found",
            with(&json!({ "model": "rig-nonexistent-image-model" })),
            [USER, "model", "invalid_value"],
            "The model 'rig-nonexistent-image-model' does not exist.",
        ),
        refused(
            "transparent-jpeg",
            with(&json!({ "background": "transparent", "output_format": "jpeg" })),
            [USER, "background", "invalid_value"],
            "Transparent background is not supported for JPEG output format",
        ),
        refused(
            "compression-format",
            with(&json!({ "output_compression": 50 })),
            [USER, "output_compression", "invalid_value"],
            "Compression less than 100 is not supported for PNG output format",
        ),
        refused(
            "stream-n",
            with(&json!({ "stream": true, "n": 2 })),
            [USER, "input", "unsupported_parameter"],
            "Streaming is only supported with n=1.",
        ),
    ]
}

/// Every refusal that the members of a request can have.
pub(super) fn every_refusal() -> Vec<Refused> {
    let mut all = names_and_values();
    all.extend(numbers_and_lengths());
    all.extend(sizes());
    all.extend(with_model());
    all
}
