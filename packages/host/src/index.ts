export { UsbIpServer, type UsbIpServerOptions } from './usb-ip-server.js';
export { usbIpHost } from './usb-ip-host.js';
export { nodeUsbHost } from './usb-node.js';
