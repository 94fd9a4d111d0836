//! Reports: consumers of the events of a run. One file a format, one line in [`REPORTS`].
