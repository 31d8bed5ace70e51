/**
 * Finds the QR code in pictures: from the camera or from a file. The browser's own detector where there is one,
 * otherwise ours, in a worker.
 */

const LARGEST = 1400; // pixels on the longer side; a photo of twelve megapixels has no more code in it
const PAUSE_MS = 60;

/** The pixels of a video frame or image, made smaller if need be. */
function pixelsOf(source, width, height) {
  const scale = Math.min(1, LARGEST / Math.max(width, height));
  const canvas = document.createElement("canvas");
  canvas.width = Math.max(1, Math.round(width * scale));
  canvas.height = Math.max(1, Math.round(height * scale));
  const context = canvas.getContext("2d", { willReadFrequently: true });
  context.fillStyle = "#fff"; // a picture may be transparent around the code
  context.fillRect(0, 0, canvas.width, canvas.height);
  context.drawImage(source, 0, 0, canvas.width, canvas.height);
  return context.getImageData(0, 0, canvas.width, canvas.height);
}

/** Our own decoder. */
function ownReader() {
  const worker = new Worker(new URL("./qr/worker.js", import.meta.url), { type: "module" });
  return {
    read: (picture, thorough) => new Promise((resolve, reject) => {
      worker.onmessage = ({ data }) => resolve(data);
      worker.onerror = () => reject(new Error("the picture could not be read"));
      worker.postMessage({ picture, thorough }, [picture.data.buffer]);
    }),
    close: () => worker.terminate(),
  };
}

/** The system's detector, or null where there is none. */
async function systemReader() {
  const formats = (await globalThis.BarcodeDetector?.getSupportedFormats().catch(() => [])) ?? [];
  if (!formats.includes("qr_code")) return null;
  const detector = new globalThis.BarcodeDetector({ formats: ["qr_code"] });
  return { read: async (picture) => (await detector.detect(picture))[0]?.rawValue ?? null, close() {} };
}

/** @param {Blob} file @returns {Promise<string | null>} null when it is no picture or has no code in it */
export async function readFile(file) {
  const image = await createImageBitmap(file).catch(() => null);
  if (!image) return null;
  const reader = ownReader();
  try {
    return await reader.read(pixelsOf(image, image.width, image.height), true);
  } finally {
    reader.close();
    image.close();
  }
}

/**
 * Looks through the camera until a code is read.
 *
 * @param {HTMLVideoElement} video
 * @param {AbortSignal} signal ends the search; the camera's light goes out either way
 * @returns {Promise<string | null>} null when it was ended
 */
export async function readCamera(video, signal) {
  const constraints = { audio: false, video: { facingMode: "environment", width: { ideal: 1280 } } };
  const stream = await navigator.mediaDevices.getUserMedia(constraints);
  const reader = (await systemReader()) ?? ownReader();
  try {
    video.srcObject = stream;
    await video.play();
    while (!signal.aborted) {
      const text = video.videoWidth
        ? await reader.read(pixelsOf(video, video.videoWidth, video.videoHeight), false)
        : null;
      if (text && !signal.aborted) return text;
      await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
    }
    return null;
  } finally {
    reader.close();
    stream.getTracks().forEach((track) => track.stop());
    video.srcObject = null;
  }
}
