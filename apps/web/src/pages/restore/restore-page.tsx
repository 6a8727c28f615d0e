/** The page "Restore a device". */
export default function RestorePage() {
	return <h1>Restore a device</h1>;
}
