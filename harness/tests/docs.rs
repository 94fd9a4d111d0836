//! What the documents of the repository lead to is there: files, and the tests that they name.

#![expect(clippy::unwrap_used, reason = "a test ends at the first surprise")]

use std::path::{Path, PathBuf};

/// (text, target) of every link to a file of the repository.
fn links(page: &str) -> Vec<(String, String)> {
    let mut found = Vec::new();
    let mut rest = page;
    while let Some((before, after)) = rest.split_once("](") {
        let Some((target, behind)) = after.split_once(')') else {
            break;
        };
        let text = before.rsplit_once('[').map_or("", |(_, text)| text);
        if !target.contains("://") && !target.starts_with('#') {
            found.push((text.to_owned(), target.to_owned()));
        }
        rest = behind;
    }
    found
}

fn pages(root: &Path) -> Vec<PathBuf> {
    let docs = std::fs::read_dir(root.join("docs")).unwrap();
    let docs = docs.map(|entry| entry.unwrap().path());
    let docs = docs.filter(|path| path.extension().is_some_and(|ending| ending == "md"));
    docs.chain([root.join("README.md"), root.join("CONTRIBUTING.md")])
        .collect()
}

#[test]
fn every_link_leads_to_a_file_and_every_named_test_is_in_it() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let (mut broken, mut tests) = (Vec::new(), 0);
    for page in pages(&root) {
        let text = std::fs::read_to_string(&page).unwrap();
        for (name, target) in links(&text) {
            let place = page.parent().unwrap().join(&target);
            let Ok(file) = std::fs::read(&place) else {
                if !place.is_dir() {
                    broken.push(format!("{}: {target} is not there", page.display()));
                }
                continue;
            };
            let Some(test) = name
                .strip_prefix('`')
                .and_then(|name| name.strip_suffix('`'))
            else {
                continue;
            };
            if !target.ends_with(".rs") {
                continue;
            }
            tests += 1;
            if !String::from_utf8_lossy(&file).contains(&format!("fn {test}(")) {
                broken.push(format!("{}: {target} has no {test}", page.display()));
            }
        }
    }
    assert!(broken.is_empty(), "{}", broken.join("\n"));
    assert!(tests > 40, "only {tests} tests are named");
}
