//! Containers that do not start by waiting longer.

/// Reasons of a waiting container that do not pass by themselves.
const FAILURE_REASONS: [&str; 9] = [
    "CrashLoopBackOff",
    "CreateContainerConfigError",
    "CreateContainerError",
    "ErrImageNeverPull",
    "ErrImagePull",
    "ImageInspectError",
    "ImagePullBackOff",
    "InvalidImageName",
    "RunContainerError",
];

/// Whether a container that waits for this reason starts only once something is changed.
#[must_use]
pub fn is_failure_reason(reason: &str) -> bool {
    FAILURE_REASONS.contains(&reason)
}
