//! `law.images`: every image decodes, has the format that the answer says, and belongs to this request.

use crate::check::{Bench, Check, Mismatch, Site, sites};
use crate::exchange::Evidence;
use crate::exchange::images::{SeenImage, SeenPicture};
use crate::target::BytesPolicy;

/// See the module.
pub(super) struct ImagesBelong;

impl Check for ImagesBelong {
    fn id(&self) -> &'static str {
        "law.images"
    }

    fn summary(&self) -> &'static str {
        "every image decodes, has the announced format, and belongs to the request that it answers"
    }

    fn judge(&self, evidence: &Evidence<'_>, bench: &mut Bench<'_>) {
        let policy = evidence.target.policies.bytes;
        for site in sites(evidence) {
            // What lies elsewhere is not fetched, and so not judged.
            let images = site.exchange.images.iter();
            for image in images.filter(|image| !image.is_elsewhere) {
                bench.record(site, self.id(), self.id(), judge_one(site, image, policy));
            }
        }
    }
}

fn judge_one(site: Site<'_>, image: &SeenImage, policy: BytesPolicy) -> Result<(), Mismatch> {
    let picture = image.picture.as_ref().map_err(|reason| {
        Mismatch::of(
            format!("{} is no image", image.place),
            "an image",
            reason.clone(),
        )
    })?;
    if let Some(announced) = &image.announced {
        let same = announced == picture.format || (announced == "jpg" && picture.format == "jpeg");
        if !same {
            let message = format!(
                "{} is called {announced}, but its bytes are {}",
                image.place, picture.format
            );
            return Err(Mismatch::of(message, announced, picture.format));
        }
    }
    belongs(site, image, picture, policy)
}

/// The token in the picture is the one of the request; the token, not a request id, because a gateway may cut a
/// request into several.
fn belongs(
    site: Site<'_>,
    image: &SeenImage,
    picture: &SeenPicture,
    policy: BytesPolicy,
) -> Result<(), Mismatch> {
    let made_here = site.exchange.upstream.is_some() && !site.exchange.calls().is_empty();
    match image.token() {
        Some(token) if token == site.exchange.token => Ok(()),
        Some(_) => Err(Mismatch::of(
            format!("{} is the image of another request", image.place),
            "the image of this request",
            "an image with the mark of another request",
        )),
        // Requests without a token, and providers that are no mock, leave no mark.
        None if !made_here
            || site
                .exchange
                .calls()
                .iter()
                .all(|call| call.token.is_none()) =>
        {
            Ok(())
        }
        None => {
            let summaries = site
                .exchange
                .calls()
                .iter()
                .filter_map(|call| call.answer.as_ref());
            let mut made = summaries.flat_map(|answer| {
                answer
                    .summary
                    .images
                    .iter()
                    .chain(&answer.summary.partial_images)
            });
            if made.any(|sha256| *sha256 == picture.sha256) {
                return Ok(());
            }
            let message = format!(
                "{} is not an image that the provider made for this request",
                image.place
            );
            let problem = Mismatch::of(
                message,
                "an image with the mark of this request",
                "an image without a mark",
            );
            Err(if policy == BytesPolicy::Recoded {
                problem.soft()
            } else {
                problem
            })
        }
    }
}
