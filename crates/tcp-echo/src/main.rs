//! The `tcp-echo` program: see the library of the same name.

use std::process::ExitCode;

fn main() -> ExitCode {
    runtime::cli::main(tcp_echo::run)
}
