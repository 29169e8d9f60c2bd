mod access;
mod folder;
