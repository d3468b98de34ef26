//! Requests that were served: how many, and how long they took.

use super::text::Text;
use axum::http::{Method, StatusCode};
use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// Upper bounds of the histogram, in seconds.
const BOUNDS: &[f64] = &[0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1.0, 5.0, 10.0, 30.0];

/// Methods that are told apart; a client can send any word.
const METHODS: &[Method] =
    &[Method::GET, Method::HEAD, Method::POST, Method::PUT, Method::PATCH, Method::DELETE];

/// What was counted so far.
#[derive(Debug, Default)]
pub(crate) struct Requests {
    counted: Mutex<Counted>,
}

#[derive(Debug, Default)]
struct Counted {
    by_status: BTreeMap<(String, String, u16), u64>,
    by_route: BTreeMap<String, Times>,
}

#[derive(Debug, Default)]
struct Times {
    /// At most each of [`BOUNDS`], which hold those below too.
    within: [u64; BOUNDS.len()],
    count: u64,
    seconds: f64,
}

impl Requests {
    /// Counts one. The route is the pattern that matched, never what was sent.
    pub(crate) fn count(&self, method: &Method, route: &str, status: StatusCode, took: Duration) {
        let method = if METHODS.contains(method) { method.as_str() } else { "other" };
        let mut counted = self.counted.lock().unwrap_or_else(PoisonError::into_inner);
        let key = (method.to_owned(), route.to_owned(), status.as_u16());
        *counted.by_status.entry(key).or_default() += 1;
        let times = counted.by_route.entry(route.to_owned()).or_default();
        let seconds = took.as_secs_f64();
        for (within, bound) in times.within.iter_mut().zip(BOUNDS) {
            *within += u64::from(seconds <= *bound);
        }
        times.count += 1;
        times.seconds += seconds;
    }

    pub(super) fn write(&self, text: &mut Text) {
        let counted = self.counted.lock().unwrap_or_else(PoisonError::into_inner);
        text.family("toygres_http_requests_total", "counter", "Requests that were served.");
        for ((method, route, status), count) in &counted.by_status {
            let status = status.to_string();
            let labels = [("method", method.as_str()), ("route", route), ("status", &status)];
            text.sample(&labels, *count as f64);
        }
        let help = "How long requests took to be served.";
        text.family("toygres_http_request_duration_seconds", "histogram", help);
        for (route, times) in &counted.by_route {
            for (bound, within) in BOUNDS.iter().zip(times.within) {
                let bound = bound.to_string();
                text.suffixed("_bucket", &[("route", route), ("le", &bound)], within as f64);
            }
            text.suffixed("_bucket", &[("route", route), ("le", "+Inf")], times.count as f64);
            text.suffixed("_sum", &[("route", route)], times.seconds);
            text.suffixed("_count", &[("route", route)], times.count as f64);
        }
    }
}
