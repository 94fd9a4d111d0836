//! `image-harness copy DIR`: the suite without the runner. It lies there as in the repository, `fixtures/` beside
//! `schemas/`, so that the `$schema` of every file leads to its schema.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use clap::Args;

use crate::catalog::Catalog;
use crate::cli::Stopped;
use crate::verdict::Exit;

/// Folders of text files, and of others.
const TEXTS: &[&str] = &["cases", "profiles", "requirements", "snapshots"];
const IMAGES: &str = "images";
/// Above what is deeper than this, a folder is not followed.
const DEEPEST: usize = 8;

/// What stands in the copy beside the files.
const README: &str = include_str!("copy/README.md");

/// See the module.
#[derive(Debug, Args)]
pub(super) struct Copy {
    /// Where to; a new folder, an empty one, or an earlier copy.
    #[arg(value_name = "DIR")]
    folder: PathBuf,
    /// A folder with cases of your own, laid out like fixtures/, that is copied as well (repeatable).
    #[arg(long, value_name = "DIR")]
    cases: Vec<PathBuf>,
}

/// Path below the copy → contents.
type Files = BTreeMap<PathBuf, Vec<u8>>;

impl Copy {
    pub(super) fn run(&self) -> Result<Exit, Stopped> {
        // What cannot be used is not spread.
        Catalog::load(&self.cases).map_err(|error| Stopped::usage(error.to_string()))?;
        let mut files = builtin();
        for folder in &self.cases {
            for name in TEXTS.iter().chain([&IMAGES]) {
                let below = Path::new("fixtures").join(name);
                collect(&folder.join(name), &below, DEEPEST, &mut files)?;
            }
        }
        self.refuse_strangers(&files)?;
        for (path, contents) in &files {
            let path = self.folder.join(path);
            let unwritable = |error: std::io::Error| {
                Stopped::error(format!("cannot write {}: {error}", path.display()))
            };
            if let Some(parent) = path.parent() {
                std::fs::create_dir_all(parent).map_err(unwritable)?;
            }
            std::fs::write(&path, contents).map_err(unwritable)?;
        }
        writeln!(
            std::io::stderr(),
            "wrote {} files to {}: README.md says what they are",
            files.len(),
            self.folder.display()
        )?;
        Ok(Exit::Good)
    }

    /// Nothing that somebody else wrote is mixed in or written over.
    fn refuse_strangers(&self, files: &Files) -> Result<(), Stopped> {
        let mut there = Files::new();
        collect(&self.folder, Path::new(""), DEEPEST + 2, &mut there)?;
        let stranger = there
            .iter()
            .find(|(path, contents)| files.get(*path) != Some(contents));
        match stranger {
            None => Ok(()),
            Some((path, _)) => Err(Stopped::usage(format!(
                "{} is there already and is not what would be written: choose a new or an empty folder",
                self.folder.join(path).display()
            ))),
        }
    }
}

fn builtin() -> Files {
    let fixtures = Path::new("fixtures");
    let mut files = Files::from([(PathBuf::from("README.md"), README.as_bytes().to_vec())]);
    for folder in TEXTS {
        let texts = fixtures::folder(folder).into_iter();
        files.extend(texts.map(|(path, text)| {
            let path = fixtures.join(folder).join(path);
            (path, text.as_bytes().to_vec())
        }));
    }
    let images = fixtures::files(IMAGES).into_iter();
    files.extend(images.map(|(name, bytes)| (fixtures.join(IMAGES).join(name), bytes.to_vec())));
    let schemas = schemas::all().into_iter();
    files.extend(schemas.map(|(path, text)| (Path::new("schemas").join(path), text.into())));
    files
}

/// Every file below a folder, if there is such a folder.
fn collect(folder: &Path, below: &Path, depth: usize, files: &mut Files) -> Result<(), Stopped> {
    if depth == 0 || !folder.is_dir() {
        return Ok(());
    }
    let unreadable = |error: std::io::Error| {
        Stopped::usage(format!("cannot read {}: {error}", folder.display()))
    };
    for entry in std::fs::read_dir(folder).map_err(unreadable)? {
        let entry = entry.map_err(unreadable)?;
        let (path, name) = (entry.path(), below.join(entry.file_name()));
        if path.is_dir() {
            collect(&path, &name, depth - 1, files)?;
        } else {
            files.insert(name, std::fs::read(&path).map_err(unreadable)?);
        }
    }
    Ok(())
}
