//! Whose names are, in a bucket that all relays share.
//!
//! Each name is a subject of a stream. Claiming one is publishing to it under the condition that nothing was published
//! to it before: of two relays that claim it, one wins.

use std::time::Duration;

use async_nats::jetstream::context::PublishErrorKind;
use async_nats::jetstream::message::PublishMessage;
use async_nats::jetstream::stream::{
    Config, DiscardPolicy, LastRawMessageErrorKind, StorageType, Stream,
};
use async_nats::jetstream::{self};
use proto::relay::hub::elsewhere::Claimed;
use proto::relay::native::Name;
use proto::relay::native::identity::{PublicKeys, SealingKey, Signature, SigningKey};
use tokio::time::timeout;

use super::line::Line;
use super::subjects::Subjects;
use super::work::Work;

/// How long the bucket has to answer.
const PATIENCE: Duration = Duration::from_secs(2);

/// The stream of names.
pub(super) fn config(subjects: &Subjects, replicas: usize) -> Config {
    Config {
        name: subjects.names(),
        subjects: vec![subjects.all_names()],
        description: Some("whose the names of a community are".to_owned()),
        max_messages: -1,
        max_bytes: -1,
        max_messages_per_subject: 1,
        discard: DiscardPolicy::New,
        storage: StorageType::File,
        num_replicas: replicas,
        allow_rollup: true,
        deny_delete: true,
        ..Config::default()
    }
}

/// Claims a name.
pub(super) fn claim(
    line: &Line,
    name: Name,
    keys: PublicKeys,
) -> impl Future<Output = Work> + Send + use<> {
    let (subject, stream, context) = parts(line, name);
    async move {
        let first = PublishMessage::build()
            .payload(encode(&keys).to_vec().into())
            .expected_last_subject_sequence(0);
        let claiming = async {
            context.send_publish(subject.clone(), first).await?.await?;
            Ok::<_, jetstream::context::PublishError>(())
        };
        let claimed = match timeout(PATIENCE, claiming).await {
            Ok(Ok(())) => Claimed::Belongs(keys),
            Ok(Err(error)) if error.kind() == PublishErrorKind::WrongLastSequence => {
                match read(&context, &stream, &subject).await {
                    Ok(Some(keys)) => Claimed::Belongs(keys),
                    Ok(None) | Err(()) => Claimed::CutOff,
                }
            }
            Ok(Err(error)) => {
                tracing::debug!(%name, %error, "a name could not be claimed");
                Claimed::CutOff
            }
            Err(_) => Claimed::CutOff,
        };
        Work::Claimed(name, claimed)
    }
}

/// Looks up whose a name is, for the hub.
pub(super) fn find(line: &Line, name: Name) -> impl Future<Output = Work> + Send + use<> {
    let (subject, stream, context) = parts(line, name);
    async move {
        let keys = read(&context, &stream, &subject).await;
        Work::Found(name, keys.ok().flatten())
    }
}

/// Looks up whether a name is known, for letters.
pub(super) fn look(line: &Line, name: Name) -> impl Future<Output = Work> + Send + use<> {
    let (subject, stream, context) = parts(line, name);
    async move {
        let keys = read(&context, &stream, &subject).await;
        Work::Looked(name, keys.ok().map(|keys| keys.is_some()))
    }
}

fn parts(line: &Line, name: Name) -> (String, String, jetstream::Context) {
    let subject = line.subjects.name(name);
    (subject, line.subjects.names(), line.stream.clone())
}

/// Asks the stream's leader, who knows the last word.
async fn read(
    context: &jetstream::Context,
    stream: &str,
    subject: &str,
) -> Result<Option<PublicKeys>, ()> {
    let reading = async {
        let stream: Stream<()> = context.get_stream_no_info(stream).await.map_err(|_| ())?;
        match stream.get_last_raw_message_by_subject(subject).await {
            Ok(message) => decode(&message.payload).map(Some).ok_or(()),
            Err(error) if error.kind() == LastRawMessageErrorKind::NoMessageFound => Ok(None),
            Err(error) => {
                tracing::debug!(%error, "a name could not be looked up");
                Err(())
            }
        }
    };
    timeout(PATIENCE, reading).await.unwrap_or(Err(()))
}

/// Both keys and the signature, one after the other.
fn encode(keys: &PublicKeys) -> [u8; 128] {
    let mut bytes = [0; 128];
    bytes[..32].copy_from_slice(&keys.signing.0);
    bytes[32..64].copy_from_slice(&keys.sealing.0);
    bytes[64..96].copy_from_slice(&keys.binding.0);
    bytes[96..].copy_from_slice(&keys.binding.1);
    bytes
}

fn decode(bytes: &[u8]) -> Option<PublicKeys> {
    let (parts, []) = bytes.as_chunks::<32>() else {
        return None;
    };
    let [signing, sealing, one, other] = parts else {
        return None;
    };
    Some(PublicKeys {
        signing: SigningKey(*signing),
        sealing: SealingKey(*sealing),
        binding: Signature(*one, *other),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_come_back_as_they_were() {
        let keys = PublicKeys {
            signing: SigningKey([1; 32]),
            sealing: SealingKey([2; 32]),
            binding: Signature([3; 32], [4; 32]),
        };
        assert_eq!(decode(&encode(&keys)), Some(keys));
        assert_eq!(decode(&[0; 127]), None);
        assert_eq!(decode(&[0; 160]), None);
        assert_eq!(decode(&[]), None);
    }
}
