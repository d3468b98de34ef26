//! The contract, case by case.

pub(crate) mod by_kubectl;
pub(crate) mod defaults;
pub(crate) mod deleting;
pub(crate) mod discovery;
pub(crate) mod expiry;
pub(crate) mod instance;
pub(crate) mod objects;
pub(crate) mod patches;
pub(crate) mod refusals;
pub(crate) mod selecting;
pub(crate) mod status;
pub(crate) mod typed;
pub(crate) mod watches;
