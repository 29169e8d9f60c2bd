@echo off
rem Builds the server and starts it. Options are passed on: start.bat --help
setlocal
cd /d "%~dp0"

where cargo >nul 2>nul
if errorlevel 1 (
  if exist "%USERPROFILE%\.cargo\bin\cargo.exe" (
    set "PATH=%USERPROFILE%\.cargo\bin;%PATH%"
  ) else (
    echo start.bat: Rust is missing. Install it from https://rustup.rs, then run start.bat again. 1>&2
    exit /b 1
  )
)

if not exist .env (
  copy .env.example .env >nul
  echo start.bat: made .env from .env.example; every setting in it is optional.
)

cargo build --profile start --locked --bin chat-backend
if errorlevel 1 exit /b 1

if "%CARGO_TARGET_DIR%"=="" set "CARGO_TARGET_DIR=target"
"%CARGO_TARGET_DIR%\start\chat-backend.exe" %*
exit /b %errorlevel%
