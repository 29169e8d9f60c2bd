mod access;
mod cors;
mod folder;
