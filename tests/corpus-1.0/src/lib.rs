//! What a plugin's sources could say to toygres-plugin-api 1.0.0, each part once. This folder stays
//! as it is for ever: a later toygres has to build it and to run it. Another version of the border
//! gets a folder of its own beside it.

#![forbid(unsafe_code)]

mod arguments;
mod backends;
mod reports;
mod streams;
mod writes;

use arguments::{corpus_args, CorpusArgs};
use backends::{corpus_backends, CorpusBackends};
use reports::{corpus_fails, corpus_report, CorpusFails, CorpusReport};
use streams::{corpus_fed, corpus_streamed, CorpusFed, CorpusStreamed};
use writes::{corpus_write, CorpusWrite};

toygres_plugin_api::plugin! {
    name: "corpus-1",
    description: "Everything that the border 1.0 has",
    needs: ["db", "kube", "workflows", "ui", "config", "streams", "api"],
    commands: [
        CorpusArgs => corpus_args,
        CorpusBackends => corpus_backends,
        CorpusReport => corpus_report,
        CorpusFails => corpus_fails,
        CorpusStreamed => corpus_streamed,
        CorpusFed => corpus_fed,
        CorpusWrite => corpus_write,
    ],
}
