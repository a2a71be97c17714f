//! The `webserver` program: see the library of the same name.

use std::process::ExitCode;

fn main() -> ExitCode {
    runtime::cli::main(webserver::run)
}
