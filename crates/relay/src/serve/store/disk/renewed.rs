//! A database that has become too large is written anew.

use std::fs;

use fjall::{PersistMode, Slice};
use proto::relay::letter::Place;
use proto::relay::mail::Mail;

use super::{Change, Disk, Safety, Use, explain, form};

impl Disk {
    /// Writes what is of use to a new database, and does away with this one.
    pub(in crate::serve::store) fn renew(&mut self, mail: &Mail) -> anyhow::Result<()> {
        let new = Self::open_number(&self.root, self.number + 1, Use::Writing);
        let copied = new.and_then(|new| match self.copy(mail, &new) {
            Ok(()) => Ok(new),
            Err(error) => {
                new.discard();
                Err(error)
            }
        });
        let new = match copied {
            Ok(new) => new,
            Err(error) => {
                let _ = fs::remove_dir_all(self.root.join((self.number + 1).to_string()));
                return Err(error);
            }
        };
        std::mem::replace(self, new).discard();
        Ok(())
    }

    fn copy(&self, mail: &Mail, new: &Self) -> anyhow::Result<()> {
        let mut copy = Copy {
            new,
            changes: Vec::new(),
            bytes: 0,
        };
        for entry in self.names() {
            let (key, value) = entry.into_inner().map_err(explain)?;
            copy.put(key, value)?;
        }
        for name in mail.receivers() {
            let places = mail.after(&name, Place(0), usize::MAX).places;
            let (Some(first), Some(last)) = (places.first(), places.last()) else {
                continue;
            };
            let mut places = places.iter().peekable();
            for entry in self.mail_for(&name, *first..=*last) {
                let (key, value) = entry.into_inner().map_err(explain)?;
                let place = form::parse_mail_key(&key).map(|(_, place)| place);
                while places.next_if(|wanted| Some(**wanted) < place).is_some() {}
                if places.next_if(|wanted| Some(**wanted) == place).is_some() {
                    copy.put(key, value)?;
                }
            }
        }
        copy.end()
    }
}

/// What is being written to a new database.
struct Copy<'a> {
    new: &'a Disk,
    changes: Vec<Change>,
    bytes: usize,
}

impl Copy<'_> {
    /// How much is written at once.
    const ONCE: usize = 512 * 1024;

    fn put(&mut self, key: Slice, value: Slice) -> anyhow::Result<()> {
        self.bytes += key.len() + value.len();
        // What was read is a part of a block, which it would keep in memory.
        let value = Slice::from(value.to_vec());
        self.changes.push(Change::Put(key, value));
        if self.bytes < Self::ONCE {
            return Ok(());
        }
        self.bytes = 0;
        let changes = std::mem::take(&mut self.changes);
        self.new.write(changes, Safety::OnTheWay)
    }

    fn end(self) -> anyhow::Result<()> {
        self.new.write(self.changes, Safety::OnTheWay)?;
        self.new
            .database
            .persist(PersistMode::SyncAll)
            .map_err(explain)?;
        self.new.finish()
    }
}
