//! Schema and reader of target files must agree.

use super::*;
use serde_json::json;

/// The names that a reader takes, in its own words.
fn taken(object: &str) -> BTreeSet<String> {
    let mut file = json!({ "base_url": "http://x", "start": { "command": ["x"], "ready": {} }, "stop": {},
        "reset": { "request": { "path": "/" } }, "policies": {}, "auth": { "header": "x" } });
    file.pointer_mut(object).unwrap()["no such member"] = json!(1);
    let error = serde_json::from_value::<TargetFile>(file)
        .unwrap_err()
        .to_string();
    let listed = error.split("expected").nth(1).unwrap();
    let names = listed.split('`').skip(1).step_by(2);
    names.map(str::to_owned).collect()
}

#[test]
fn schema_and_reader_know_the_same_members_and_each_is_described() {
    let schema: Value = serde_json::from_str(schemas::text("target.json").unwrap()).unwrap();
    for (object, place) in [
        ("", ""),
        ("/start", "/properties/start"),
        ("/start/ready", "/properties/start/properties/ready"),
        ("/stop", "/properties/stop"),
        ("/reset", "/properties/reset"),
        ("/reset/request", "/properties/reset/properties/request"),
        ("/policies", "/properties/policies"),
        ("/auth", "/properties/auth"),
    ] {
        let members = schema.pointer(&format!("{place}/properties")).unwrap();
        let members = members.as_object().unwrap();
        let names: BTreeSet<_> = members.keys().cloned().collect();
        assert_eq!(names, taken(object), "{object}");
        for (name, member) in members {
            let told = member.get("description").is_some() || member.get("$ref").is_some();
            assert!(told, "{object}/{name}");
        }
    }
}

#[test]
fn schema_and_reader_agree_on_values() {
    let schema = schema::compile("target").unwrap();
    let good = json!({
        "base_url": "http://127.0.0.1:${port}/api", "profile": "platform", "paths": { "images.edits": "/e" },
        "auth": { "header": "x-key", "scheme": "Key" }, "headers": { "x-a": "$A" }, "query": { "v": "1" },
        "body": { "user": "ci" }, "ca_file": "ca.pem", "credentials": { "second": "B" },
        "upstream_keys": [{ "env": "C" }, { "value": "d" }], "features": ["size.free"], "lacks": ["images.edits"],
        "limits": { "n": 4 }, "probe": { "size": "2x2" }, "upstream_url": "http://host.docker.internal:9100",
        "models": { "image": { "name": "m", "operations": ["images.generations"], "upstream": { "provider": "openai", "model": "x" } } },
        "policies": { "bytes": "recoded", "cache": "per-credential", "disconnect": "detaches", "image_locator": "markdown",
            "injects": ["user"], "malformed": "normalise", "retries": "ambiguous", "shared_key": true,
            "unsupported_native": "drop", "upstream_401": 502 },
        "mock": ["--anonymous"], "timeout": 3, "hold_limit": 0.5, "cooldown": 1.5,
        "start": { "command": ["./g", "${port}"], "directory": "d", "environment": { "U": "${upstream}", "K": "$K" },
            "ready": { "path": "/h", "status": [200, "4xx"], "within": 9 }, "log": "l" },
        "reset": { "command": ["r"], "between_lanes": true, "within": 2 },
        "stop": { "command": ["s"], "signal": "INT", "grace": 0.2 },
    });
    assert_eq!(schema::issues(&schema, &good), []);
    TargetFile::parse(&toml::to_string(&good).unwrap()).unwrap();
    for (place, value) in [
        ("/base_url", json!("ftp://x")),
        ("/policies/upstream_401", json!(500)),
        ("/policies/cache", json!("all")),
        ("/policies/disconnect", json!("keeps")),
        ("/policies/unsupported_native", json!("both")),
        ("/start/command", json!("./g")),
        ("/start/ready/status", json!("6xx")),
        ("/stop/signal", json!("USR1")),
        ("/reset/within", json!(-1)),
        ("/timeout", json!(0)),
        ("/limits/n", json!("four")),
        ("/credentials/second", json!(1)),
        ("/models/image/operations/0", json!("images.make")),
        ("/upstream_keys/0", json!({ "env": "C", "value": "d" })),
    ] {
        let mut bad = good.clone();
        *bad.pointer_mut(place).unwrap() = value;
        assert_ne!(schema::issues(&schema, &bad), [], "{place}");
        let error = TargetFile::parse(&toml::to_string(&bad).unwrap()).unwrap_err();
        let key = key(place);
        let outer = key.split('.').next().unwrap();
        assert!(error.starts_with(outer), "{place}: {error}");
    }
}

#[test]
fn a_port_that_nobody_is_told_is_refused() {
    let parse = |text: &str| TargetFile::parse(text).map(|_| ());
    let error = parse("base_url = \"http://x:${port}\"\n[start]\ncommand = [\"g\"]").unwrap_err();
    assert!(error.contains("nobody tells the gateway which"), "{error}");
    let error = parse("base_url = \"http://x:1\"\n[stop]\ngrace = 1").unwrap_err();
    assert!(error.contains("[start] is missing"), "{error}");
    assert_eq!(
        parse("base_url = \"http://x:1\"\n[start]\ncommand = [\"g\"]"),
        Ok(())
    );
}
