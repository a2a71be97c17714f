//! The options of the bus, as they are typed.

/// How other relays are reached.
#[derive(Debug, clap::Args)]
#[group(skip)]
pub(crate) struct Args {
    /// NATS server that joins this relay with others to one community, such as nats://192.0.2.7:4222
    /// [default: this relay is alone]
    #[arg(long, value_name = "URL", conflicts_with = "store")]
    pub(crate) nats: Option<String>,
}
