//! What the control plane, `drift` and kubectl rely on in a Kubernetes API, asserted in the same
//! words of a real kube-apiserver and of the stand-in of `toygres local`.
//!
//! The real server is the truth: an assertion that it does not hold to is wrong.

mod answer;
mod cases;
mod harness;
mod kubectl;
mod scope;
mod server;
mod watching;

use answer::Answer;
use kubectl::Kubectl;
use scope::Scope;
use server::Server;
use watching::Watching;

/// Makes a test of every case for either server.
macro_rules! contract {
    ($($module:ident { $($case:ident)+ })+) => {
        mod kube_apiserver {
            $(mod $module { $(
                #[tokio::test]
                async fn $case() {
                    let Some(server) = crate::Server::kube_apiserver() else { return };
                    crate::cases::$module::$case(&crate::Scope::new(server).await).await;
                }
            )+ })+
        }
        mod stand_in {
            $(mod $module { $(
                #[tokio::test]
                async fn $case() {
                    let server = crate::Server::stand_in();
                    crate::cases::$module::$case(&crate::Scope::new(server).await).await;
                }
            )+ })+
        }
    };
}

contract! {
    objects {
        every_kind_is_made_read_listed_and_deleted
        a_namespace_comes_and_goes
        a_name_is_generated
        what_the_server_sets_is_the_servers
        a_version_moves_with_every_change_and_a_generation_with_the_spec
        what_is_not_changed_keeps_its_version
        string_data_of_a_secret_becomes_data
        what_no_kind_has_is_dropped
        of_many_makers_one_succeeds
        of_many_writers_no_change_is_lost
    }
    refusals {
        what_is_missing_is_not_found
        a_taken_name_already_exists
        a_stale_version_is_a_conflict
        an_invalid_name_is_told_with_its_field
        what_is_required_is_told_with_its_field
        what_cannot_be_read_is_a_bad_request
        an_unknown_content_type_is_unsupported
        who_shows_no_valid_token_is_nobody
        what_cannot_be_done_to_a_thing_is_not_allowed
        what_may_not_change_is_refused
    }
    defaults {
        of_a_stateful_set
        of_a_service
        of_a_claim
        of_a_secret_and_a_pod
        of_what_the_control_plane_makes
    }
    selecting {
        by_labels
        by_fields
        by_what_nobody_understands
        in_pages
        in_no_page_of_a_made_up_token
    }
    watches {
        from_a_version_on
        without_a_version_what_is_there_comes_first
        of_some_labels_only
        of_one_name_only
        from_a_version_that_is_none
        for_a_limited_time
    }
    patches {
        merge
        operations
        a_port_before_the_first
        strategic_merge_of_lists_by_their_keys
        strategic_merge_with_directives
        of_another_version
        of_what_is_missing
        of_an_unknown_type
        of_what_is_said_of_a_set_alone
    }
    status {
        its_own_path_touches_nothing_else
        the_objects_path_does_not_touch_it
        scale_is_a_view_of_replicas
    }
    deleting {
        waits_for_finalizers
        only_under_its_preconditions
        with_every_propagation_policy
        a_collection_by_labels
        nothing_in_a_dry_run
    }
    discovery {
        names_groups_versions_and_resources
        tells_the_version
        answers_whether_it_is_ready
        answers_what_one_may_do
    }
    instance {
        becomes_ready_and_reachable
        leaves_nothing_when_it_is_deleted
        loses_its_pod_before_it_goes_in_the_foreground
        gets_a_new_pod_for_one_that_was_deleted
        is_scaled_to_nothing_and_back
    }
    typed {
        objects_survive_the_round_trip
        errors_keep_their_code_and_reason
        a_watcher_follows
    }
    by_kubectl {
        get_prints_rows
        get_prints_documents
        describe_tells_the_whole
        apply_creates_changes_and_leaves_alone
        delete_waits_until_it_is_gone
        get_watches
        label_annotate_patch_and_scale
        create_makes_quotas_and_services
        rollout_and_wait
        errors_are_those_of_the_server
    }
}

/// Not in the table: it takes the past from every other case on the same server.
mod expiry {
    #[tokio::test]
    async fn of_a_kube_apiserver() {
        let Some(server) = crate::Server::another_kube_apiserver() else { return };
        crate::cases::expiry::of_a_page_and_of_a_watch(&crate::Scope::new(server).await).await;
    }

    #[tokio::test]
    async fn of_the_stand_in() {
        let server = crate::Server::stand_in();
        crate::cases::expiry::of_a_page_and_of_a_watch(&crate::Scope::new(server).await).await;
    }
}
