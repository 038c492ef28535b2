export { composeArtwork, composeShore, type Format, formats } from './compose.ts';
export { renderJpeg } from './jpeg.ts';
export { renderPng } from './png.ts';
export { renderSvg } from './svg.ts';
