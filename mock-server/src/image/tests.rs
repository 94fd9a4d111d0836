//! What a client sees of the images, read with the `image` crate's decoders.

use std::io::Cursor;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use image::codecs::jpeg::JpegEncoder;
use image::{ColorType, DynamicImage, ImageFormat};

use super::provenance::{Mark, read_metadata, read_strip};
use super::*;

const FORMATS: [Format; 3] = [Format::Jpeg, Format::Png, Format::Webp];

fn picture(format: Format) -> Picture {
    Picture {
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
    }
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

fn transcode(image: &DynamicImage, format: ImageFormat) -> DynamicImage {
    let mut bytes = Vec::new();
    let rgb = DynamicImage::from(image.to_rgb8());
    rgb.write_to(&mut Cursor::new(&mut bytes), format).unwrap();
    assert_eq!(read_metadata(&bytes), None);
    decode(&bytes)
}

#[test]
fn has_the_size_format_and_alpha_asked_for() {
    let sizes = [
        (1, 1),
        (16, 16),
        (33, 200),
        (79, 80),
        (80, 80),
        (100, 100),
        (256, 256),
        (1536, 1024),
        (1001, 777),
        (3840, 2160),
        (2000, 9),
    ];
    for (width, height) in sizes {
        for format in FORMATS {
            for (transparent, partial) in [(false, None), (true, None), (true, Some(0))] {
                let picture = Picture {
                    width,
                    height,
                    transparent,
                    partial,
                    ..picture(format)
                };
                let bytes = render(&picture);
                let image = decode(&bytes);
                let at = format!("{picture:?}");
                assert_eq!((image.width(), image.height()), (width, height), "{at}");
                assert_eq!(
                    image::guess_format(&bytes).unwrap().to_mime_type(),
                    format.mime()
                );
                let alpha = transparent && format != Format::Jpeg;
                let colour = if alpha {
                    ColorType::Rgba8
                } else {
                    ColorType::Rgb8
                };
                assert_eq!(image.color(), colour, "{at}");
                if alpha && width > 256 && height > 256 {
                    assert_eq!(
                        image.to_rgba8().get_pixel(width - 1, height - 1)[3],
                        0,
                        "{at}"
                    );
                    assert_eq!(image.to_rgba8().get_pixel(0, 0)[3], 255, "{at}");
                }
                let fits = (width / 8) * (height / 8) >= 96;
                assert_eq!(
                    mark(&image),
                    expected_mark(&picture).filter(|_| fits),
                    "{at}"
                );
            }
        }
    }
}

#[test]
fn metadata_say_where_it_came_from() {
    for format in FORMATS {
        let picture = Picture {
            partial: Some(2),
            ..picture(format)
        };
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
            let picture = Picture {
                pad_to,
                ..picture(format)
            };
            let first = studio.image(&picture, "req_1");
            let second = studio.image(&picture, "req_2");
            assert!(Arc::ptr_eq(&first.file, &second.file));
            assert_ne!(first.bytes(), second.bytes());
            assert_eq!(
                second.bytes(),
                Studio::new(0).image(&picture, "req_2").bytes()
            );
            for rendered in [first, second] {
                let bytes = rendered.bytes();
                assert_eq!(rendered.len(), bytes.len());
                assert_eq!(rendered.sha256(), hex(&Sha256::digest(&bytes)));
                assert_eq!(
                    rendered.base64().concat(),
                    STANDARD.encode(&bytes).into_bytes()
                );
            }
        }
    }
}

#[test]
fn strip_survives_recompression_and_other_formats() {
    for transparent in [false, true] {
        let picture = Picture {
            transparent,
            ..picture(Format::Png)
        };
        let png = decode(&render(&picture));
        let mut bytes = Vec::new();
        // jpeg-encoder at this quality is 4:2:0, the image crate's encoder 4:2:2 at most.
        jpeg_encoder::Encoder::new(&mut bytes, 30)
            .encode(&png.to_rgb8(), 1024, 1024, jpeg_encoder::ColorType::Rgb)
            .unwrap();
        assert_eq!(mark(&decode(&bytes)), expected_mark(&picture));

        let mut bytes = Vec::new();
        JpegEncoder::new_with_quality(&mut bytes, 30)
            .encode_image(&png.to_rgb8())
            .unwrap();
        let jpeg = decode(&bytes);
        assert_eq!(mark(&jpeg), expected_mark(&picture));

        let webp = transcode(&transcode(&jpeg, ImageFormat::Jpeg), ImageFormat::WebP);
        assert_eq!(
            mark(&transcode(&webp, ImageFormat::Png)),
            expected_mark(&picture)
        );
    }
}

#[test]
fn lower_compression_value_gives_fewer_bytes() {
    for (side, prompt, transparent) in [
        (256, "a", false),
        (256, "fox ", true),
        (1024, "a", true),
        (1024, "fox ", false),
        (1024, "woodcut ", true),
    ] {
        for format in [Format::Jpeg, Format::Webp] {
            let prompt = prompt.repeat(side / 4);
            let (width, height) = (side as u32, side as u32);
            let picture = Picture {
                prompt,
                width,
                height,
                transparent,
                ..picture(format)
            };
            let file = |compression| {
                render(&Picture {
                    compression,
                    ..picture.clone()
                })
            };
            let files = [100, 50, 10, 0].map(|value| file(Some(value)));
            assert_eq!(file(None), files[0]);
            let lens = files.each_ref().map(Bytes::len);
            assert!(
                lens.is_sorted_by(|more, less| more > less),
                "{picture:?}: {lens:?}"
            );
            assert_eq!(mark(&decode(&files[3])), expected_mark(&picture));
        }
    }
}

#[test]
fn padding_reaches_the_size_and_decodes() {
    for format in FORMATS {
        let plain = render(&picture(format));
        for pad_to in [
            plain.len() - 1,
            plain.len() + 1,
            plain.len() + 13,
            300_000,
            3_000_000,
        ] {
            let bytes = render(&Picture {
                pad_to: Some(pad_to),
                ..picture(format)
            });
            assert!(
                (pad_to..=pad_to + 20).contains(&bytes.len()),
                "{format}: {pad_to}, {}",
                bytes.len()
            );
            assert_eq!(decode(&bytes), decode(&plain));
            assert!(read_metadata(&bytes).is_some());
        }
    }
}

#[test]
fn partial_images_go_from_coarse_to_fine() {
    for transparent in [false, true] {
        let [coarse, middle, fine, last] = [Some(0), Some(1), Some(2), None].map(|partial| {
            decode(&render(&Picture {
                partial,
                transparent,
                ..picture(Format::Png)
            }))
            .to_rgba8()
        });
        let distance = |image: &image::RgbaImage| -> u64 {
            image
                .as_raw()
                .iter()
                .zip(last.as_raw())
                .map(|(a, b)| u64::from(a.abs_diff(*b)))
                .sum()
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
    let base = picture(Format::Png);
    let pixels = |picture: &Picture| decode(&render(picture)).into_rgb8();
    let others = [
        Picture {
            prompt: "another".to_owned(),
            ..base.clone()
        },
        Picture {
            model: "another".to_owned(),
            ..base.clone()
        },
        Picture {
            token: None,
            ..base.clone()
        },
        Picture {
            index: 2,
            ..base.clone()
        },
        Picture {
            seed: 8,
            ..base.clone()
        },
    ];
    for other in &others {
        assert_ne!(pixels(&base), pixels(other), "{other:?}");
    }
}
