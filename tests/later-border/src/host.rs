//! A host of a border that goes on where this one ends: opens a library, as toygres does, and runs
//! one invocation.
//!
//! `later-host LIBRARY PLUGIN INVOCATION` prints the answer, both as JSON.

use libloading::os::unix::{Library, RTLD_LOCAL, RTLD_NOW};
use std::error::Error;
use std::mem::ManuallyDrop;
use toygres_plugin_api::abi::{self, AbiHeaderRef};
use toygres_plugin_api::testing::TestHost;

fn main() -> Result<(), Box<dyn Error>> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let [library, plugin, invocation] = words.as_slice() else {
        return Err("later-host LIBRARY PLUGIN INVOCATION".into());
    };
    // SAFETY: the test that runs this built the library.
    let library = unsafe { Library::open(Some(library), RTLD_NOW | RTLD_LOCAL) }?;
    let library = ManuallyDrop::new(library);
    // SAFETY: a static of this name is a `LibHeader`.
    let header = unsafe { library.get::<AbiHeaderRef>(abi::symbol(plugin)) }?;
    let module = abi::module_of(*header)?;
    assert!(module.later().is_none(), "an older plugin lacks what came later");
    let host = abi::host_object(TestHost::new());
    let answer = (module.run())(host, invocation.clone().into_bytes().into());
    println!("{}", String::from_utf8(answer.into_vec())?);
    Ok(())
}
