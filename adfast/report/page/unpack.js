// What the page carries compressed (see packing.py).

// The bytes that the element `id` holds gzipped, in base64.
async function unpack(id) {
  const text = atob(document.getElementById(id).textContent);
  const packed = Uint8Array.from(text, (character) => character.charCodeAt(0));
  const stream = new Blob([packed]).stream().pipeThrough(new DecompressionStream("gzip"));
  return new Response(stream).arrayBuffer();
}

const TYPED_ARRAYS = {
  uint8: Uint8Array,
  int8: Int8Array,
  int16: Int16Array,
  uint16: Uint16Array,
  int32: Int32Array,
  float32: Float32Array,
};

// Views on `buffer`: name -> {values, shape}, items in C order.
function typedArrays(buffer, places) {
  return Object.fromEntries(
    Object.entries(places).map(([name, { dtype, shape, offset }]) => {
      const size = shape.reduce((product, length) => product * length, 1);
      return [name, { values: new TYPED_ARRAYS[dtype](buffer, offset, size), shape }];
    })
  );
}
