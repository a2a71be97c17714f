//! The thread that compares passwords with their hashes.

use std::io;
use std::sync::mpsc::Receiver;
use std::sync::{Arc, Weak};
use std::thread;
use std::time::Instant;

use super::{Desk, Errand, Found};

/// Starts it. It ends with the last [`Guard`](super::Guard).
pub(super) fn start(desk: &Arc<Desk>, errands: Receiver<Arc<Errand>>) -> io::Result<()> {
    let desk = Arc::downgrade(desk);
    thread::Builder::new()
        .name("passwords".into())
        .spawn(move || errands.iter().for_each(|errand| run(&desk, &errand)))?;
    Ok(())
}

fn run(desk: &Weak<Desk>, errand: &Errand) {
    let Some(desk) = desk.upgrade() else {
        return;
    };
    let users = Arc::clone(&desk.lock().users);
    let said = &errand.credentials;
    let is_right = users.admits(&said.user, &said.password, desk.chance(&said.user));
    let now = Instant::now();
    let callers = {
        let mut book = desk.lock();
        // Who was proven by a file that was replaced meanwhile is not remembered.
        if is_right && Arc::ptr_eq(&book.users, &users) {
            let user = Arc::clone(&errand.user);
            book.proven.find_or_admit(errand.mark, now, || Some(user));
        }
        if is_right {
            book.tries.give_back(errand.peer, now);
        }
        book.pending.remove(&errand.mark)
    };
    let found = if is_right { Found::Right } else { Found::Wrong };
    let _ = errand.found.set(found);
    for caller in callers.into_iter().flat_map(|(_, callers)| callers) {
        caller.call();
    }
}
