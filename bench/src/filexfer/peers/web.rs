//! nginx with TLS, and curl.

use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::Result;
use nix::unistd::geteuid;

use crate::child::free;
use crate::filexfer::plan::{Call, Ends, Plan, Ready, Task};
use crate::filexfer::programs::{Programs, ensure_done};

pub(super) fn plan(programs: &Programs, task: &Task) -> Result<Plan> {
    let (address, settings) = (free::tcp()?, task.setting("nginx.conf"));
    let [certificate, key] = ["tls.crt", "tls.key"].map(|name| task.setting(name));
    make_certificate(&certificate, &key)?;
    fs::write(
        &settings,
        server_settings(&address.to_string(), programs, task),
    )?;
    let receiver = Call::of(programs.path("curl")).words("-q -sS --fail --noproxy * --cacert");
    Ok(Plan {
        helpers: Vec::new(),
        sender: Call::of(programs.path("nginx"))
            .words("-e stderr -p")
            .path(&task.settings)
            .words("-c")
            .path(&settings),
        ready: Ready::Listens(address),
        receiver: receiver
            .path(&certificate)
            .words("-o")
            .path(&task.arrived())
            .text(format!("https://{address}/{}", Task::FILE)),
        ends: Ends::WhenTold,
    })
}

fn make_certificate(certificate: &Path, key: &Path) -> Result<()> {
    if certificate.exists() {
        return Ok(());
    }
    let mut command = Command::new("openssl");
    command.args([
        "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2",
    ]);
    command.args([
        "-subj",
        "/CN=127.0.0.1",
        "-addext",
        "subjectAltName=IP:127.0.0.1",
    ]);
    command.arg("-keyout").arg(key).arg("-out").arg(certificate);
    ensure_done(command)
}

fn server_settings(address: &str, programs: &Programs, task: &Task) -> String {
    // Its worker would be nobody, who may not read here.
    let user = if geteuid().is_root() {
        "user root;"
    } else {
        ""
    };
    let settings = task.settings.display();
    // It makes folders for all of them, which nothing here needs.
    let folders: String = ["proxy", "fastcgi", "uwsgi", "scgi"]
        .into_iter()
        .filter(|module| programs.nginx_has(module))
        .map(|module| format!("{module}_temp_path {settings}/nginx-{module};\n"))
        .collect();
    format!(
        "daemon off; {user}\n\
         pid {settings}/nginx.pid;\n\
         worker_processes 1;\n\
         events {{}}\n\
         http {{\n\
         access_log off;\n\
         sendfile on;\n\
         client_body_temp_path {settings}/nginx-body;\n\
         {folders}\
         server {{\n\
         listen {address} ssl;\n\
         ssl_certificate {settings}/tls.crt;\n\
         ssl_certificate_key {settings}/tls.key;\n\
         root {source};\n\
         }}\n\
         }}\n",
        source = task.source().display()
    )
}
