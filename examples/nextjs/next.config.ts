import { join } from "node:path";
import type { NextConfig } from "next";

const config: NextConfig = {
  // The client is a linked folder of this repository.
  turbopack: { root: join(import.meta.dirname, "../..") },
};

export default config;
