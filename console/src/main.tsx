import { render } from "preact";
import "./styles/index.css";
import { loadConfig } from "./config";
import { createServices, ServicesContext } from "./services";
import { App } from "./views/App";
import { Problem } from "./views/Problem";

async function start() {
  try {
    const services = createServices(await loadConfig());
    render(<ServicesContext.Provider value={services}><App /></ServicesContext.Provider>, document.body);
  } catch (error) {
    render(<Problem error={error} retry={() => location.reload()} />, document.body);
  }
}

void start();
