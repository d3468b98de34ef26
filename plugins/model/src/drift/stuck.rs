//! Deletions that wait for something that does not come.

use super::{Group, Object, Piece};
use crate::cluster_reading::look_at_deletion;
use serde::Serialize;

/// An object of an instance whose deletion does not come to its end by itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct StuckDeletion {
    /// The plural name of its sort in Kubernetes.
    pub resource: String,
    /// The object's name.
    pub name: String,
    /// Who has to let it go first.
    pub finalizers: Vec<String>,
    /// For how long it is being deleted, in milliseconds; `None` where that cannot be read.
    pub age_ms: Option<i64>,
    /// All of it in words.
    pub text: String,
    /// The command that shows the object.
    pub look: String,
}

impl StuckDeletion {
    /// Those of an instance's objects.
    #[must_use]
    pub fn of(namespace: &str, group: &Group, now_ms: i64) -> Vec<Self> {
        let named = Piece::ALL.iter().filter_map(|piece| Some((*piece, group.object(*piece)?)));
        let extra = group.extra.iter().map(|(piece, object)| (*piece, object));
        let all = named.chain(extra);
        all.filter_map(|(piece, object)| Self::read(namespace, piece, object, now_ms)).collect()
    }

    fn read(namespace: &str, piece: Piece, object: &Object, now_ms: i64) -> Option<Self> {
        let deletion = object.deletion.as_ref().filter(|deletion| deletion.is_stuck(now_ms))?;
        let (resource, name) = (piece.plural(), &object.name);
        Some(Self {
            resource: resource.to_owned(),
            name: name.clone(),
            finalizers: deletion.finalizers.clone(),
            age_ms: deletion.age_ms(now_ms),
            text: format!("{resource} `{name}` is {}", deletion.text(now_ms)),
            look: look_at_deletion(resource, namespace, name).into(),
        })
    }
}
