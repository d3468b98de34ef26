//! One change as a line of the journal.

use crate::kube::resource::{Key, Resource};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::sync::Arc;

/// One change of one object.
#[derive(Debug, Clone)]
pub(crate) enum Record {
    /// The object is now this.
    Put {
        /// Version of the change.
        version: u64,
        /// What it is.
        resource: &'static Resource,
        /// The whole object, its version in it.
        object: Arc<Value>,
    },
    /// The object is gone.
    Remove {
        /// Version of the change.
        version: u64,
        /// Which object.
        key: Key,
    },
}

/// How a line is written.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Line<O> {
    Put(u64, O),
    Remove(u64, [String; 4]),
}

impl Record {
    /// Version of the change.
    pub(crate) fn version(&self) -> u64 {
        match self {
            Self::Put { version, .. } | Self::Remove { version, .. } => *version,
        }
    }

    /// The line, with its end.
    pub(crate) fn to_line(&self) -> serde_json::Result<Vec<u8>> {
        let line = match self {
            Self::Put { version, object, .. } => Line::Put(*version, &**object),
            Self::Remove { version, key } => {
                let Key { resource, namespace, name } = key;
                let place = [resource.group, resource.plural, namespace, name];
                Line::Remove(*version, place.map(str::to_owned))
            }
        };
        let mut bytes = serde_json::to_vec(&line)?;
        bytes.push(b'\n');
        Ok(bytes)
    }

    /// Reads a line without its end; says why where it is none.
    pub(crate) fn from_line(line: &[u8]) -> Result<Self, String> {
        match serde_json::from_slice(line).map_err(|error| error.to_string())? {
            Line::<Value>::Put(version, object) => {
                let resource = Resource::of_object(&object)
                    .ok_or_else(|| format!("an unknown kind at version {version}"))?;
                Ok(Self::Put { version, resource, object: Arc::new(object) })
            }
            Line::Remove(version, [group, plural, namespace, name]) => {
                let resource = Resource::find(&group, "v1", &plural)
                    .ok_or_else(|| format!("an unknown resource at version {version}"))?;
                Ok(Self::Remove { version, key: Key { resource, namespace, name } })
            }
        }
    }
}
