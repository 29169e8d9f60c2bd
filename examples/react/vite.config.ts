import react from "@vitejs/plugin-react";
import { defineConfig } from "vite";

export default defineConfig({
  build: { chunkSizeWarningLimit: 1000 },
  plugins: [react()],
  // The client is a linked folder here, which has packages of its own.
  resolve: { dedupe: ["ai"] },
});
