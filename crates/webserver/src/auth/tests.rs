//! Requests and who asks.
