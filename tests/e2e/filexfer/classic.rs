//! Ours with the Python programs of old, in both directions.

use std::io::{Read, Write};
use std::net::TcpStream;

use harness::classic;

use super::*;

fn serve(folder: &Folder, source: &str) -> Server {
    let key = key_file(folder);
    keyed(&["serve", source, "--classic"], &key)
}

#[test]
fn a_classic_client_fetches_from_ours() {
    let folder = Folder::new();
    let source = file(&folder, "a", 2_000_000);
    let server = serve(&folder, &source);
    for round in 0..5 {
        let Some(mut client) = classic("filexfer_client.py") else {
            return;
        };
        let (addr, target) = (server.addr(), folder.file(&format!("got{round}")));
        client.args([
            addr.ip().to_string(),
            addr.port().to_string(),
            target.clone(),
        ]);
        let got = finish(client, "");
        assert_eq!(got.stdout, "received\n", "{}", got.stderr);
        same(&source, &target);
    }
}

/// It takes what one read gives for the answer, as the classic client does.
fn fetch_as_they_do(server: &Server) -> (Vec<u8>, Vec<u8>) {
    let mut stream = TcpStream::connect(server.addr()).unwrap();
    stream.set_read_timeout(Some(harness::PATIENCE)).unwrap();
    stream.write_all(b"SECRET_KEY").unwrap();
    let mut answer = vec![0; 1024];
    let length = stream.read(&mut answer).unwrap();
    answer.truncate(length);
    let mut file = Vec::new();
    stream.read_to_end(&mut file).unwrap();
    (answer, file)
}

#[test]
fn no_byte_comes_with_the_answer() {
    let folder = Folder::new();
    let source = file(&folder, "a", 50_000);
    let server = serve(&folder, &source);
    let expected = fs::read(&source).unwrap();
    for _ in 0..100 {
        let (answer, file) = fetch_as_they_do(&server);
        assert_eq!(answer, b"AUTH_SUCCESS");
        assert!(file == expected);
    }
}

#[test]
fn one_port_answers_both() {
    let folder = Folder::new();
    let source = file(&folder, "a", 50_000);
    let server = serve(&folder, &source);
    let key = folder.file("key");
    let native = other("get", &server, &["-o", &folder.file("native")], &key);
    assert_eq!(native.code(), Some(0), "{native:?}");
    same(&source, &folder.file("native"));
    let args = ["--classic", "-o", &folder.file("classic")];
    let classic = other("get", &server, &args, &key);
    assert_eq!(classic.code(), Some(0), "{classic:?}");
    assert!(
        classic.stdout.contains("nothing on the classic wire tells"),
        "{classic:?}"
    );
    same(&source, &folder.file("classic"));
    let kept = other("get", &server, &args, &key);
    assert_eq!(kept.code(), Some(1), "{kept:?}");
    assert!(kept.stderr.contains("--overwrite"), "{kept:?}");
}

#[test]
fn a_wrong_classic_key_is_refused() {
    let folder = Folder::new();
    let source = file(&folder, "a", 1000);
    let server = serve(&folder, &source);
    let wrong = folder.write("wrong", "SECRET_KEX");
    let args = ["--classic", "-o", &folder.file("b")];
    let refused = other("get", &server, &args, &wrong);
    assert_eq!(refused.code(), Some(1), "{refused:?}");
    assert!(refused.stderr.contains("the key is wrong"), "{refused:?}");
    assert!(fs::metadata(folder.file("b")).is_err());
}

#[test]
fn ours_fetches_from_a_classic_server() {
    let folder = Folder::new();
    let (source, key) = (file(&folder, "a", 2_000_000), key_file(&folder));
    let Some(mut server) = classic("filexfer_server.py") else {
        return;
    };
    server.arg(&source);
    let server = Server::of(server, 1);
    let target = folder.file("b");
    let got = other("get", &server, &["--classic", "-o", &target], &key);
    assert_eq!(got.code(), Some(0), "{got:?}");
    same(&source, &target);
}
