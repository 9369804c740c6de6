// Work for node; prints digests that depend on every value and on nothing else.
'use strict';
const { Worker, isMainThread, parentPort, workerData } = require('worker_threads');
const crypto = require('crypto');
const fs = require('fs');
const zlib = require('zlib');
const { pipeline, Readable } = require('stream');
const { promisify } = require('util');

function randomizer(seed) {
  let state = seed >>> 0;
  return (n) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor(state / 4294967296 * n);
  };
}

const digest = (data) => crypto.createHash('sha256').update(data).digest('hex');

// Buffers of many sizes, from the pool and beyond it, held for various times.
function buffers(seed, rounds) {
  const chance = randomizer(seed);
  const held = new Array(500).fill(null);
  const hash = crypto.createHash('sha1');
  for (let i = 0; i < rounds; i++) {
    const size = 1 + (chance(20) === 0 ? chance(300000) : chance(5000));
    const buffer = chance(2) ? Buffer.alloc(size, i & 255) : Buffer.allocUnsafeSlow(size).fill(i % 251);
    buffer.writeUInt8(chance(256), chance(size));
    const k = chance(held.length);
    if (held[k]) {
      hash.update(held[k].subarray(0, 64));
      hash.update(String(held[k].indexOf(7)));
    }
    held[k] = chance(3) ? buffer : Buffer.concat([buffer, Buffer.from(buffer.toString('base64').slice(0, 200))]);
  }
  for (const buffer of held) if (buffer) hash.update(buffer);
  return hash.digest('hex');
}

function objects(seed, n) {
  const chance = randomizer(seed);
  const make = (depth) => {
    if (depth === 0) return chance(3) ? chance(1e9) / 7 : 'text ' + 'é'.repeat(chance(40));
    const object = {};
    for (let i = 0; i < 1 + chance(4); i++) object['k' + chance(1000)] = chance(2) ? make(depth - 1) : [make(depth - 1)];
    return object;
  };
  const list = [];
  for (let i = 0; i < n; i++) list.push(make(5));
  const text = JSON.stringify(list);
  const again = JSON.stringify(JSON.parse(text), null, 1);
  return text.length + ' ' + digest(again);
}

function ciphers(seed, n) {
  const chance = randomizer(seed);
  const out = crypto.createHash('sha512');
  for (let i = 0; i < n; i++) {
    const key = crypto.createHash('sha256').update('key' + i).digest();
    const text = Buffer.alloc(1 + chance(20000), 'cairn ' + i);
    const cipher = crypto.createCipheriv('aes-256-gcm', key, key.subarray(0, 12));
    const secret = Buffer.concat([cipher.update(text), cipher.final()]);
    const back = crypto.createDecipheriv('aes-256-gcm', key, key.subarray(0, 12));
    back.setAuthTag(cipher.getAuthTag());
    if (!Buffer.concat([back.update(secret), back.final()]).equals(text)) throw new Error('cipher');
    out.update(secret);
  }
  out.update(crypto.pbkdf2Sync('password', 'salt', 20000, 64, 'sha512'));
  out.update(crypto.scryptSync('password', 'salt', 64, { N: 4096 }));
  return out.digest('hex').slice(0, 64);
}

function compression(seed, n) {
  const chance = randomizer(seed);
  const hash = crypto.createHash('sha256');
  for (let i = 0; i < n; i++) {
    const text = Buffer.from(Array.from({ length: 3000 }, () => 'word' + chance(500)).join(' '));
    for (const [pack, unpack] of [['deflateSync', 'inflateSync'], ['gzipSync', 'gunzipSync']]) {
      if (!zlib[unpack](zlib[pack](text)).equals(text)) throw new Error(pack);
    }
    if (i % 8 === 0 && !zlib.brotliDecompressSync(zlib.brotliCompressSync(text)).equals(text)) throw new Error('brotli');
    hash.update(text);
  }
  return hash.digest('hex');
}

function tables(seed, n) {
  const chance = randomizer(seed);
  const map = new Map();
  for (let i = 0; i < n; i++) {
    const key = 'key ' + chance(n / 4);
    if (chance(4) === 0) map.delete(key);
    else map.set(key, (map.get(key) || []).concat(i).slice(-5));
  }
  const text = [...map].sort((a, b) => (a[0] < b[0] ? -1 : 1)).map(([k, v]) => k + v).join('\n');
  const changed = text.replace(/key (\d+?)(\d)\b/g, (all, a, b) => b + a).split(/[,\n]/).reverse().join();
  return map.size + ' ' + digest(changed);
}

if (!isMainThread) {
  const { seed } = workerData;
  const result = [buffers(seed, 8000), objects(seed, 200), ciphers(seed, 30), compression(seed, 6), tables(seed, 20000)];
  // The buffer's memory moves to the other thread, which frees it.
  const moved = new Uint8Array(500000).fill(seed);
  parentPort.on('message', (shared) => {
    Atomics.add(new Int32Array(shared), 0, seed);
    parentPort.postMessage({ result, moved }, [moved.buffer]);
    parentPort.close();
  });
} else {
  main().catch((error) => {
    console.error(error);
    process.exit(1);
  });
}

function work(seed, shared) {
  return new Promise((resolve, reject) => {
    const worker = new Worker(__filename, { workerData: { seed } });
    worker.on('error', reject);
    let answer;
    worker.on('message', (message) => { answer = message; });
    worker.on('exit', (code) => (code === 0 && answer ? resolve(answer) : reject(new Error('exit ' + code))));
    worker.postMessage(shared);
  });
}

async function main() {
  console.log('buffers', buffers(1, 40000));
  console.log('objects', objects(2, 1500));
  console.log('ciphers', ciphers(3, 150));
  console.log('compression', compression(4, 25));
  console.log('tables', tables(5, 200000));

  for (let round = 0; round < 3; round++) {
    const shared = new SharedArrayBuffer(4);
    const seeds = [1, 2, 3, 4, 5, 6].map((k) => round * 10 + k);
    const answers = await Promise.all(seeds.map((seed) => work(seed, shared)));
    for (const { result, moved } of answers) console.log('worker', result.join(' '), digest(moved));
    console.log('shared', new Int32Array(shared)[0]);
  }

  // Files and streams, served by the thread pool.
  const names = Array.from({ length: 60 }, (_, i) => 'file' + i);
  await Promise.all(names.map((name, i) => fs.promises.writeFile(name, Buffer.alloc(1 + i * 5000, name))));
  const packed = await Promise.all(names.map(async (name) => {
    const gzip = promisify(zlib.gzip);
    return promisify(zlib.gunzip)(await gzip(await fs.promises.readFile(name)));
  }));
  console.log('files', digest(Buffer.concat(packed)));
  const chunks = Array.from({ length: 400 }, (_, i) => Buffer.alloc(1000 + i * 37, 'chunk ' + i));
  const hash = crypto.createHash('sha256');
  await promisify(pipeline)(Readable.from(chunks), zlib.createGzip(), zlib.createGunzip(), hash);
  console.log('stream', hash.digest('hex'));
}
