mod basics;
mod forms;
mod properties;
pub(crate) mod table;
