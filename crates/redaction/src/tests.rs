mod basics;
mod forms;
pub(crate) mod table;
