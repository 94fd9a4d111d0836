//! `images.*`: the final images of the answer, decoded.

use crate::case::ImagesExpectation;
use crate::check::{Bench, Check, Mismatch, Site, sites};
use crate::exchange::Evidence;
use crate::exchange::images::{SeenImage, SeenPicture};
use crate::target::BytesPolicy;

/// See the module.
pub(super) struct Images;

impl Check for Images {
    fn id(&self) -> &'static str {
        "images"
    }

    fn summary(&self) -> &'static str {
        "the decoded images have the expected number, size, format, transparency and bytes"
    }

    fn judge(&self, evidence: &Evidence<'_>, bench: &mut Bench<'_>) {
        for site in sites(evidence) {
            for expected in &site.step_of_copy().expect.response {
                if let Some(images) = &expected.images {
                    let is_verbatim = evidence.target.policies.bytes == BytesPolicy::Verbatim;
                    let images = ImagesExpectation {
                        verbatim: images.verbatim.filter(|_| is_verbatim),
                        ..images.clone()
                    };
                    judge_one(site, &images, &expected.requirement, bench);
                }
            }
        }
    }
}

fn judge_one(
    site: Site<'_>,
    expected: &ImagesExpectation,
    requirement: &str,
    bench: &mut Bench<'_>,
) {
    let found: Vec<_> = site.exchange.final_images().collect();
    let mut record = |check: &str, result: Option<Result<(), Mismatch>>| {
        if let Some(result) = result {
            let result = match site.exchange.answer() {
                Some(_) => result,
                None => Err(site.no_answer()),
            };
            bench.record(site, check, requirement, result);
        }
    };
    record(
        "images.count",
        expected.count.map(|count| count_is(count, found.len())),
    );
    record(
        "images.size",
        expected.size.as_ref().map(|size| {
            pictures(&found, |picture| {
                let actual = format!("{}x{}", picture.width, picture.height);
                same("size in pixels", size, &actual)
            })
        }),
    );
    record(
        "images.format",
        expected.format.as_ref().map(|format| {
            pictures(&found, |picture| {
                same("format, by its bytes,", format, picture.format)
            })
        }),
    );
    record(
        "images.transparent",
        expected.transparent.map(|transparent| {
            let word = |transparent: bool| if transparent { "transparent" } else { "opaque" };
            pictures(&found, |picture| {
                same("background", word(transparent), word(picture.transparent))
            })
        }),
    );
    record(
        "images.location",
        expected.location.as_ref().map(|location| {
            some(&found)?;
            found.iter().try_for_each(|image| {
                same("member that holds it", location, image.location)
                    .map_err(|problem| at(image, problem))
            })
        }),
    );
    record(
        "images.verbatim",
        expected.verbatim.map(|_| verbatim(site, &found)),
    );
}

fn count_is(expected: usize, actual: usize) -> Result<(), Mismatch> {
    if expected == actual {
        return Ok(());
    }
    let message = format!("{actual} images came, {expected} were asked for");
    Err(Mismatch::of(
        message,
        expected.to_string(),
        actual.to_string(),
    ))
}

fn same(what: &str, expected: &str, actual: &str) -> Result<(), Mismatch> {
    if expected == actual {
        return Ok(());
    }
    Err(Mismatch::of(
        format!("the {what} is {actual}, not {expected}"),
        expected,
        actual,
    ))
}

fn some(images: &[&SeenImage]) -> Result<(), Mismatch> {
    match images {
        [] => Err(Mismatch::of("no image came", "an image", "none")),
        _ => Ok(()),
    }
}

fn at(image: &SeenImage, problem: Mismatch) -> Mismatch {
    Mismatch {
        message: format!("{}: {}", image.place, problem.message),
        ..problem
    }
}

/// Every image decodes and satisfies a condition.
fn pictures(
    images: &[&SeenImage],
    condition: impl Fn(&SeenPicture) -> Result<(), Mismatch>,
) -> Result<(), Mismatch> {
    some(images)?;
    images.iter().try_for_each(|image| {
        let picture = image.picture.as_ref().map_err(|reason| {
            let message = format!("{} cannot be decoded", image.place);
            let problem = Mismatch::of(message, "an image", reason.clone());
            // It lies where the harness fetches nothing: nobody has looked at it.
            if image.is_elsewhere {
                problem.soft()
            } else {
                problem
            }
        })?;
        condition(picture).map_err(|problem| at(image, problem))
    })
}

/// The bytes are among those that the provider sent in the calls of this exchange.
fn verbatim(site: Site<'_>, images: &[&SeenImage]) -> Result<(), Mismatch> {
    let made: Vec<_> = site
        .exchange
        .calls()
        .iter()
        .filter_map(|call| call.answer.as_ref())
        .flat_map(|answer| &answer.summary.images)
        .collect();
    if made.is_empty() {
        return Err(Mismatch::new("the provider was not seen to send an image").untestable());
    }
    pictures(images, |picture| {
        if made.contains(&&picture.sha256) {
            return Ok(());
        }
        let message = "the bytes are not those that the provider sent";
        Err(Mismatch::of(
            message,
            "sha256 of an image of the provider's",
            picture.sha256.clone(),
        ))
    })
}
