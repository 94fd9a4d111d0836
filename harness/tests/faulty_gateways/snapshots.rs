//! `--snapshots DIR`: what is new passes and is kept, what changed fails.

use std::path::{Path, PathBuf};

use crate::support::{Fault, Rig};

const CASE: &str = "response/generations/body";

fn files(folder: &Path, extension: &str) -> Vec<PathBuf> {
    let folder = folder.join("openai-images/response/generations");
    let Ok(entries) = std::fs::read_dir(folder) else {
        return Vec::new();
    };
    let files = entries.map(|entry| entry.unwrap().path());
    files
        .filter(|path| path.to_string_lossy().ends_with(extension))
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_changed_since_the_last_time_is_a_failure() {
    let rig = Rig::start(Fault::None).await;
    let folder = rig.folder().join("snapshots");
    let option = format!("--snapshots={}", folder.display());
    let (code, output, _) = rig.run_with(CASE, &[&option]).await;
    assert_eq!(code, 0, "{output}");
    let [pending] = &files(&folder, ".snap.new")[..] else {
        panic!("one file: {:?}", files(&folder, ""))
    };
    let accepted = pending.with_extension("");
    std::fs::rename(pending, &accepted).unwrap();

    let (code, output, _) = rig.run_with(CASE, &[&option]).await;
    assert_eq!(code, 0, "{output}");
    assert_eq!(files(&folder, ".new"), Vec::<PathBuf>::new());

    let text = std::fs::read_to_string(&accepted).unwrap();
    let other = text.replacen("1024x1024", "1025x1024", 1);
    assert_ne!(text, other);
    std::fs::write(&accepted, other).unwrap();
    let (code, output, _) = rig.run_with(CASE, &[&option]).await;
    assert_eq!(code, 1, "{output}");
    assert!(output.contains("snapshot [fail]"), "{output}");
    assert_eq!(files(&folder, ".new").len(), 1);
    // Without the option nothing is compared with a target of somebody else's.
    assert_eq!(rig.run(CASE).await.0, 0);
}
