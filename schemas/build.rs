//! Embeds anew whenever a schema was added, changed or removed.

fn main() {
    println!("cargo:rerun-if-changed=.");
}
