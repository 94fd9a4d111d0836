//! A text as a case file: it is a case that can be run, or an error with the file and at least one issue.

#![no_main]

use std::sync::{Arc, OnceLock};

use harness::case::{Instance, Loader};
use libfuzzer_sys::fuzz_target;

/// Where the text is said to lie.
const PATH: &str = "fuzz/generations/one.json";

fuzz_target!(|text: &str| {
    static LOADER: OnceLock<Loader> = OnceLock::new();
    let loader = LOADER.get_or_init(|| Loader::new().expect("the schema of cases compiles"));
    match loader.load(PATH, text) {
        Err(error) => {
            assert_eq!(error.file, PATH);
            assert!(!error.issues.is_empty(), "{text}");
            assert!(error.to_string().len() > PATH.len() + 2);
        }
        Ok(case) => {
            assert!(!case.requirements().is_empty());
            let _ = (case.needs_upstream(), case.credentials(), case.files());
            assert!(!Instance::all(&Arc::new(case), &["image".to_owned()]).is_empty());
        }
    }
});
