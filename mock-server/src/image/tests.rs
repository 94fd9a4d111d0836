//! What a client sees of the images, read with the `image` crate's decoders.

use std::io::Cursor;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use image::codecs::jpeg::JpegEncoder;
use image::{ColorType, DynamicImage, ImageFormat, RgbaImage};

use super::provenance::{Mark, read_metadata, read_strip};
use super::*;

const FORMATS: [Format; 3] = [Format::Jpeg, Format::Png, Format::Webp];

fn picture(format: Format, change: impl FnOnce(&mut Picture)) -> Picture {
    let mut picture = Picture {
        prompt: "A red fox – 狐 – jumps over the lazy dog, in the style of a woodcut".to_owned(),
        model: "gpt-image-1".to_owned(),
        width: 1024,
        height: 1024,
        format,
        compression: None,
        transparent: false,
        token: Some("abcdefg234".parse().unwrap()),
        index: 1,
        partial: None,
        seed: 7,
        pad_to: None,
    };
    change(&mut picture);
    picture
}

fn render(picture: &Picture) -> Bytes {
    Studio::new(0).image(picture, "req_1").bytes()
}

fn decode(bytes: &[u8]) -> DynamicImage {
    image::load_from_memory(bytes).unwrap()
}

fn mark(image: &DynamicImage) -> Option<Mark> {
    let luma = image.to_luma8();
    read_strip(luma.width(), luma.height(), |x, y| luma.get_pixel(x, y)[0])
}

fn expected_mark(picture: &Picture) -> Option<Mark> {
    Some(Mark {
        token: picture.token,
        index: picture.index,
        partial: picture.partial,
    })
}

#[test]
fn has_the_size_format_and_alpha_asked_for() {
    let small = [(1, 1), (16, 16), (33, 200), (79, 80), (80, 80), (100, 100)];
    let large = [
        (256, 256),
        (1536, 1024),
        (1001, 777),
        (3840, 2160),
        (2000, 9),
    ];
    for (width, height) in small.into_iter().chain(large) {
        for format in FORMATS {
            for (transparent, partial) in [(false, None), (true, None), (true, Some(0))] {
                check_pixels(&picture(format, |it| {
                    (it.width, it.height) = (width, height);
                    (it.transparent, it.partial) = (transparent, partial);
                }));
            }
        }
    }
}

fn check_pixels(picture: &Picture) {
    let (width, height) = (picture.width, picture.height);
    let bytes = render(picture);
    let image = decode(&bytes);
    let mime = image::guess_format(&bytes).unwrap().to_mime_type();
    assert_eq!(mime, picture.format.mime());
    assert_eq!((image.width(), image.height()), (width, height));

    let alpha = picture.transparent && picture.format != Format::Jpeg;
    let colour = if alpha {
        ColorType::Rgba8
    } else {
        ColorType::Rgb8
    };
    assert_eq!(image.color(), colour, "{picture:?}");
    if alpha && width >= 256 && height >= 256 {
        let image = image.to_rgba8();
        assert_eq!(image.get_pixel(0, 0)[3], 255, "{picture:?}");
        assert_eq!(image.get_pixel(width - 1, height - 1)[3], 0, "{picture:?}");
        let clear = image.pixels().filter(|pixel| pixel[3] == 0).count();
        assert!(clear > (width * height / 4) as usize, "{picture:?}");
    }
    let has_strip = (width / 8) * (height / 8) >= 96;
    assert_eq!(
        mark(&image),
        expected_mark(picture).filter(|_| has_strip),
        "{picture:?}"
    );
}

#[test]
fn metadata_say_where_it_came_from() {
    for format in FORMATS {
        let picture = picture(format, |it| it.partial = Some(2));
        let provenance = read_metadata(&render(&picture)).unwrap();
        assert_eq!(provenance.request, "req_1");
        assert_eq!(provenance.token, picture.token);
        assert_eq!((provenance.index, provenance.partial), (1, Some(2)));
        assert_eq!(
            provenance.prompt_sha256,
            hex(&Sha256::digest(&picture.prompt))
        );
    }
}

#[test]
fn bytes_base64_and_hash_are_of_one_file() {
    let studio = Studio::new(1 << 20);
    for format in FORMATS {
        for pad_to in [None, Some(100_001)] {
            let picture = picture(format, |it| it.pad_to = pad_to);
            let first = studio.image(&picture, "req_1");
            let second = studio.image(&picture, "req_2");
            assert!(Arc::ptr_eq(&first.file, &second.file));
            assert_ne!(first.bytes(), second.bytes());
            assert_eq!(first.bytes(), render(&picture));
            for rendered in [first, second] {
                let bytes = rendered.bytes();
                assert_eq!(rendered.len(), bytes.len());
                assert_eq!(rendered.sha256().as_str(), hex(&Sha256::digest(&bytes)));
                assert_eq!(
                    rendered.base64().concat(),
                    STANDARD.encode(&bytes).into_bytes()
                );
            }
        }
    }
}

/// The documented positions, which make the base64 in two pieces possible.
#[test]
fn provenance_is_where_the_docs_say() {
    for (format, range) in [(Format::Png, 33..312), (Format::Jpeg, 20..291)] {
        let bytes = render(&picture(format, |_| ()));
        let found = bytes[range]
            .windows(11)
            .filter(|part| part == b"provenance\0")
            .count();
        assert_eq!(found, 1, "{format}");
    }
    let bytes = render(&picture(Format::Webp, |_| ()));
    let start = bytes.len() - 276;
    assert_eq!((start % 3, &bytes[start..start + 4]), (0, &b"PROV"[..]));
    assert_eq!(bytes[4..8], (bytes.len() as u32 - 8).to_le_bytes());
}

#[test]
fn strip_survives_recompression_and_other_formats() {
    for transparent in [false, true] {
        let picture = picture(Format::Png, |it| it.transparent = transparent);
        let png = decode(&render(&picture)).to_rgb8();
        let mut bytes = Vec::new();
        let mut encoder = jpeg_encoder::Encoder::new(&mut bytes, 30);
        encoder.set_sampling_factor(jpeg_encoder::SamplingFactor::F_2_2);
        encoder
            .encode(&png, 1024, 1024, jpeg_encoder::ColorType::Rgb)
            .unwrap();
        assert_eq!(mark(&decode(&bytes)), expected_mark(&picture));

        let mut bytes = Vec::new();
        JpegEncoder::new_with_quality(&mut bytes, 30)
            .encode_image(&png)
            .unwrap();
        let mut image = decode(&bytes);
        for format in [ImageFormat::WebP, ImageFormat::Png, ImageFormat::Jpeg] {
            let mut bytes = Vec::new();
            image
                .write_to(&mut Cursor::new(&mut bytes), format)
                .unwrap();
            assert_eq!(read_metadata(&bytes), None);
            image = decode(&bytes);
            assert_eq!(mark(&image), expected_mark(&picture), "{format:?}");
        }
    }
}

#[test]
fn lower_compression_value_gives_fewer_bytes() {
    for (side, word, transparent) in [
        (256, "fox ", true),
        (1024, "a", false),
        (1024, "fox ", true),
    ] {
        for format in [Format::Jpeg, Format::Webp] {
            let file = |compression| {
                let picture = picture(format, |it| {
                    (it.width, it.height) = (side, side);
                    it.prompt = word.repeat(64);
                    (it.transparent, it.compression) = (transparent, compression);
                });
                render(&picture)
            };
            let files = [100, 50, 10].map(|value| file(Some(value)));
            assert_eq!(file(None), files[0]);
            let lens = files.map(|file| file.len());
            assert!(
                lens.is_sorted_by(|more, less| more > less),
                "{format} {side}: {lens:?}"
            );
            assert!(mark(&decode(&file(Some(0)))).is_some());
        }
    }
}

#[test]
fn padding_reaches_the_size_and_decodes() {
    for format in FORMATS {
        let plain = render(&picture(format, |_| ()));
        let image = decode(&plain);
        for pad_to in [
            plain.len() - 1,
            plain.len() + 1,
            plain.len() + 13,
            300_000,
            3_000_000,
        ] {
            let bytes = render(&picture(format, |it| it.pad_to = Some(pad_to)));
            assert!(
                (pad_to..=pad_to + 20).contains(&bytes.len()),
                "{format}: {}",
                bytes.len()
            );
            assert_eq!(decode(&bytes), image);
            assert!(read_metadata(&bytes).is_some());
        }
    }
}

#[test]
fn partial_images_go_from_coarse_to_fine() {
    for transparent in [false, true] {
        let [coarse, middle, fine, last] = [Some(0), Some(1), Some(2), None].map(|partial| {
            let picture = picture(Format::Png, |it| {
                (it.transparent, it.partial) = (transparent, partial);
            });
            decode(&render(&picture)).to_rgba8()
        });
        let distance = |image: &RgbaImage| {
            let pairs = image.iter().zip(last.iter());
            pairs.map(|(a, b)| u64::from(a.abs_diff(*b))).sum::<u64>()
        };
        let distances = [&coarse, &middle, &fine].map(distance);
        assert!(
            distances.is_sorted_by(|far, near| far > near),
            "{distances:?}"
        );
        assert!(distances[2] > 1_000_000, "{distances:?}");
    }
}

#[test]
fn what_differs_is_seen_in_the_pixels() {
    let changes: [fn(&mut Picture); 6] = [
        |_| (),
        |it| it.prompt.push('!'),
        |it| it.model.push('5'),
        |it| it.token = None,
        |it| it.index = 2,
        |it| it.seed = 8,
    ];
    let mut seen = Vec::new();
    for change in changes {
        let pixels = decode(&render(&picture(Format::Png, change))).into_rgb8();
        assert!(!seen.contains(&pixels));
        seen.push(pixels);
    }
}

#[test]
fn a_hash_outlives_its_file() {
    let studio = Studio::new(0);
    let rendered = studio.image(&picture(Format::Png, |_| ()), "1");
    let (asked, kept) = (rendered.sha256(), rendered.sha256());
    let bytes = rendered.bytes();
    assert_eq!(asked.as_str(), hex(&Sha256::digest(&bytes)));
    drop(rendered);
    assert_eq!(kept.as_str(), asked.as_str());
}
