//! JSON pointers in which `*` stands for every member or element.

use serde_json::Value;

/// Every place that a pattern names. The last step may be a member that is not there yet.
pub(crate) fn places(value: &Value, pattern: &str) -> Vec<String> {
    let mut found = vec![String::new()];
    for step in pattern.split('/').skip(1) {
        found = found
            .iter()
            .flat_map(|place| match (step, value.pointer(place)) {
                ("*", Some(Value::Array(list))) => {
                    (0..list.len()).map(|at| format!("{place}/{at}")).collect()
                }
                ("*", Some(Value::Object(members))) => members
                    .keys()
                    .map(|name| format!("{place}/{}", escaped(name)))
                    .collect(),
                ("*", _) | (_, None) => Vec::new(),
                (step, Some(_)) => vec![format!("{place}/{step}")],
            })
            .collect();
    }
    found
}

/// Where a place lies: what holds it, and its name or number there.
pub(crate) fn holder<'v>(value: &'v mut Value, place: &str) -> Option<(&'v mut Value, String)> {
    let (holder, name) = place.rsplit_once('/')?;
    let name = name.replace("~1", "/").replace("~0", "~");
    Some((value.pointer_mut(holder)?, name))
}

fn escaped(name: &str) -> String {
    name.replace('~', "~0").replace('/', "~1")
}

#[cfg(test)]
mod tests {
    use super::places;
    use serde_json::json;

    #[test]
    fn a_star_is_every_member_or_element() {
        let value = json!({ "data": [{ "a/b": 1 }, { "c": 2 }] });
        assert_eq!(places(&value, "/data/*/c"), ["/data/0/c", "/data/1/c"]);
        assert_eq!(places(&value, "/data/0/*"), ["/data/0/a~1b"]);
        assert_eq!(places(&value, "/gone/*"), [""; 0]);
        assert_eq!(places(&value, ""), [""]);
    }
}
