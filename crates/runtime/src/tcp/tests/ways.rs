//! Ways in, other than one port for one thread.

use std::num::NonZeroU32;

use super::*;

/// Threads that run these servers, and what ends them.
fn run_all(servers: Vec<Server>) -> (Shutdown, Vec<JoinHandle<std::io::Result<()>>>) {
    let shutdown = Shutdown::new();
    let run = |server: Server| {
        let stop = shutdown.clone();
        thread::spawn(move || server.run(&stop, |_, _| Echo))
    };
    let threads = servers.into_iter().map(run).collect();
    (shutdown, threads)
}

#[test]
fn several_threads_have_one_port() {
    let listener = Listener::bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let addr = listener.local_addr();
    let server = Server::new([listener], Policy::default());
    let servers = server.split(NonZeroU32::new(3).unwrap()).unwrap();
    assert_eq!(servers.len(), 3);
    let totals: Vec<_> = servers.iter().map(Server::totals).collect();
    let (shutdown, threads) = run_all(servers);
    let mut streams: Vec<_> = (0..60).map(|_| TcpStream::connect(addr).unwrap()).collect();
    for stream in &mut streams {
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        exchange(stream, b"hello");
    }
    shutdown.trigger();
    for thread in threads {
        thread.join().unwrap().unwrap();
    }
    let counts: Counts = totals.iter().map(|totals| totals.counts()).sum();
    assert_eq!((counts.accepted, counts.received_bytes), (60, 300));
    assert!(TcpStream::connect(addr).is_err());
}

#[test]
fn each_thread_has_a_part_of_the_connections() {
    let parts = |connections: u32, threads| {
        let policy = Policy {
            max_connections: NonZeroU32::new(connections),
            ..Policy::default()
        };
        let server = Server::new([] as [Listener; 0], policy);
        let servers = server.split(NonZeroU32::new(threads).unwrap()).unwrap();
        let allowed = |server: &Server| server.max_connections().unwrap().get();
        servers.iter().map(allowed).collect::<Vec<_>>()
    };
    let mut of_ten = parts(10, 4);
    of_ten.sort_unstable();
    assert_eq!(of_ten, [2, 2, 3, 3]);
    assert_eq!(parts(2, 4), [1, 1]);
    assert_eq!(parts(7, 1), [7]);
}

#[cfg(unix)]
#[test]
fn a_unix_socket_serves_as_a_port_does() {
    use std::os::unix::net::UnixStream;

    let name = format!("plumbline-ways-{}", std::process::id());
    let path = std::env::temp_dir().join(name);
    let listener = LocalListener::bind(&path, 0o600).unwrap();
    let entrances = [Entrance::Local(listener)];
    let server = Server::new(entrances, Policy::default());
    let totals = server.totals();
    let (shutdown, threads) = run_all(vec![server]);
    let mut stream = UnixStream::connect(&path).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    let long = vec![b'y'; 3_000_000];
    let mut back = Vec::new();
    let sender = stream.try_clone().unwrap();
    let sending = thread::spawn(move || {
        (&sender).write_all(&long).unwrap();
        sender.shutdown(Side::Write).unwrap();
    });
    stream.read_to_end(&mut back).unwrap();
    sending.join().unwrap();
    assert_eq!((back.len(), back.ends_with(b"yend")), (3_000_003, true));
    shutdown.trigger();
    for thread in threads {
        thread.join().unwrap().unwrap();
    }
    assert_eq!(totals.counts().failed, 0);
    assert!(!path.exists());
}
