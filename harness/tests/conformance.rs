//! The built-in cases as trials: `cargo test -p harness --test conformance`.

fn main() -> std::process::ExitCode {
    harness::Suite::builtin().main()
}
