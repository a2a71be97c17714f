//! The bus on a real server, with what the hub would say and hear.

mod server;
mod station;
mod stories;
