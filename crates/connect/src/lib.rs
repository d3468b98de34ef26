//! Connects to PostgreSQL as libpq does.
//!
//! A connection string, in either of its forms, becomes a [`DatabaseTarget`] together with what
//! surrounds it: service file, environment, password file, account. Every part knows where it comes
//! from, so that messages can name the place to correct. [`open_session`] tries the target's servers
//! in turn. Drivers of others, which know less of libpq's rules, are led through a [`Gateway`].

mod account;
mod canonical;
mod failure;
mod gateway;
mod origin;
mod parse;
mod passfile;
mod peer_name;
mod resolve;
mod service;
mod session;
mod startup;
mod target;
mod tls;
mod transport;
mod words;

pub use account::{account_home, account_name};
pub use failure::ConnectFailure;
pub use gateway::Gateway;
pub use origin::{Origin, TextSource};
pub use resolve::Surroundings;
pub use session::{Route, Session, SessionOptions, open_session};
pub use target::{
    CertificateMode, ChannelBindingMode, ConnectTimeout, DatabaseTarget, HostEntry, Keepalive,
    RequiredAuth, RootCertificates, SessionAttributes, SslMode, TlsOptions, TlsVersion,
};
pub use transport::Transport;
pub use words::variables;
