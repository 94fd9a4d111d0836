//! What must hold for any input of the parsers that read what somebody else wrote.

#![expect(clippy::unwrap_used, reason = "a test ends at the first surprise")]

mod cases;
mod streams;

use proptest::prelude::*;
use serde_json::Value;

/// Any JSON, not too large.
fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        "[a-z$\\{}/.\\[\\]\"\\\\é]{0,8}".prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 24, 4, |inner| {
        let names = prop_oneof![
            "[a-z_$/~]{0,6}",
            Just("request".to_owned()),
            Just("expect".to_owned())
        ];
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::btree_map(names, inner, 0..4)
                .prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}
