mod access;
mod folder;
mod project;
